"""No stale layer, no damaged one, and no good one painted again, whatever was done to the files."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.working_folder import TIMEOUT, WorkingFolder

PASSES = {"background", "astronaut", "rover", "fog"}


def closing(said: str) -> dict[str, set[str]]:
    """What the closing line says: the layers by what was done."""
    found = re.findall(r"results/final\.png: (.*); [\d.]+ s", said)
    parts = found[-1].split("; ") if found else []
    split = (re.fullmatch(r"(.*?) (painted|kept|from the store)", part) for part in parts)
    return {match[2]: set(match[1].split(", ")) for match in split if match}


def has_nothing_to_do(scene: WorkingFolder) -> bool:
    return "Nothing to be done" in scene.build()


# Without Snakemake's memory.


def forget(scene: WorkingFolder) -> None:
    shutil.rmtree(scene.folder / ".snakemake")


def forget_in_part(scene: WorkingFolder) -> None:
    for number, path in enumerate(sorted((scene.folder / ".snakemake/metadata").rglob("*"))):
        if path.is_file() and number % 2:
            path.unlink()


def garble(scene: WorkingFolder) -> None:
    for path in (scene.folder / ".snakemake/metadata").rglob("*"):
        if path.is_file():
            path.write_text("{}")


@pytest.mark.parametrize("spoil", [forget, forget_in_part, garble])
def test_without_snakemakes_memory_edits_are_seen_and_nothing_else_is_painted(built, spoil):
    spoil(built)
    assert "painted" not in closing(built.build())
    spoil(built)
    built.edit("subjects.rover.seed", 5)
    assert closing(built.build()) == {"painted": {"rover"}}
    assert has_nothing_to_do(built)


@pytest.mark.parametrize("removed", [[".strata"], [".strata", ".snakemake"], [".strata/records", ".strata/store"]])
def test_without_records_layers_that_are_right_are_kept(built, removed):
    before = built.bytes()
    for name in removed:
        shutil.rmtree(built.folder / name)
    assert closing(built.build()) == {"kept": PASSES}
    assert built.bytes() == before
    assert has_nothing_to_do(built)


def test_without_records_an_edit_is_seen(built):
    shutil.rmtree(built.folder / ".strata")
    built.edit("effects.fog.seed", 5)
    assert closing(built.build()) == {"painted": {"fog"}, "kept": PASSES - {"fog"}}


# Times of files, and files that were moved.


def test_an_older_file_over_a_newer_one_is_seen(built):
    """As `mv` and `cp -p` leave it."""
    plate, old = built.folder / "results/background.png", Image.new("RGB", (96, 64), (90, 30, 60))
    old.save(plate)
    os.utime(plate, (1e9, 1e9))
    assert closing(built.build()) == {"painted": {"astronaut", "rover"}}
    assert Image.open(plate).getpixel((0, 0)) == (90, 30, 60)  # a retouched layer is kept


def test_a_layer_of_another_pass_in_its_place_is_not_kept(built):
    """A backup of before an edit, say."""
    background = built.folder / "results/background.png"
    right = background.read_bytes()
    built.edit("background.seed", 5)
    built.build()
    other = background.read_bytes()
    built.edit("background.seed", 77)
    built.build()
    background.write_bytes(other)
    os.utime(background, (1e9, 1e9))
    assert closing(built.build())["from the store"] >= {"background"}
    assert background.read_bytes() == right


@pytest.mark.parametrize("memory", [True, False])
def test_touched_files_cost_no_pass(built, memory):
    for path in sorted((built.folder / "results").rglob("*.png")):
        path.touch()
        time.sleep(0.01)
    if not memory:
        forget(built)
    assert "painted" not in closing(built.build())


# Retouched and deleted.


def test_deleting_a_retouched_layer_restores_the_painted_one_and_what_lies_on_it(built):
    before = built.bytes()
    plate = built.folder / "results/background.png"
    for level in (40, 200):
        Image.new("RGB", (96, 64), (level, level, 90)).save(plate)
        assert closing(built.build()) == {"painted": {"astronaut", "rover"}}
    plate.unlink()
    assert "painted" not in closing(built.build())
    assert built.bytes() == before


def test_retouching_to_the_bytes_that_it_had_changes_nothing(built):
    plate = built.folder / "results/background.png"
    content = plate.read_bytes()
    plate.unlink()
    plate.write_bytes(content)
    assert "painted" not in closing(built.build())
    assert has_nothing_to_do(built)


def save_16_bits(path: Path) -> None:
    Image.fromarray(np.full((64, 96), 128 * 257, np.uint16)).save(path)


@pytest.mark.parametrize(
    "save",
    [
        save_16_bits,
        lambda path: Image.new("L", (96, 64), 128).save(path),
        lambda path: Image.new("RGBA", (96, 64), (128, 128, 128, 255)).save(path),
        lambda path: Image.new("RGB", (96, 64), (128, 128, 128)).quantize().save(path),
    ],
    ids=["16 bits", "grey", "with alpha", "palette"],
)
def test_a_layer_may_come_back_in_any_mode(built, save):
    save(built.folder / "results/background.png")
    built.build()
    with (
        Image.open(built.folder / "results/final.png") as final,
        Image.open(built.folder / "results/effects/fog.png") as fog,
    ):
        x, y = 48, 2  # on no subject
        expected = 128 * 0.7 + np.array(fog.convert("RGB").getpixel((x, y))) * 0.3
        contrast = np.array(final.getpixel((x, y)), float)
    assert np.abs(contrast - expected).max() < 40  # a clipped plate would be white


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "cannot be read as a picture"),
        (lambda path: path.write_bytes(b"no picture"), "cannot be read as a picture"),
        (lambda path: Image.new("RGB", (40, 40)).save(path), "is 40 x 40 pixels, but its scene is 96 x 64"),
        (lambda path: Image.new("1", (30_000, 30_000)).save(path), "cannot be read as a picture"),
    ],
    ids=["cut", "garbage", "another size", "a bomb"],
)
def test_a_layer_that_cannot_be_used_is_a_sentence(built, spoil, said):
    final = (built.folder / "results/final.png").read_bytes()
    spoil(built.folder / "results/background.png")
    done = built.snakemake("results/final.png")
    assert done.returncode == 1
    assert f"results/background.png {said}" in done.stdout
    assert "Traceback" not in done.stdout
    assert (built.folder / "results/final.png").read_bytes() == final


# What changes while a job runs.


def build_and(scene: WorkingFolder, act, at: str) -> None:
    """Builds the picture, and acts as soon as the build has printed a text."""
    with subprocess.Popen(
        scene.command("results/final.png"),
        cwd=scene.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if at in line and act:
                act()
                act = None
        assert act is None, "".join(said)
        assert process.wait(TIMEOUT) in (0, 1)


def test_a_plate_retouched_during_a_pass_is_seen_by_the_next_build(built):
    built.edit("subjects.astronaut.seed", 5)
    plate = built.folder / "results/background.png"
    build_and(built, lambda: Image.new("RGB", (96, 64), (200, 40, 90)).save(plate), at="subjects/astronaut: step")
    said = built.build()
    assert closing(said).get("painted", set()) >= {"astronaut"}, said
    assert has_nothing_to_do(built)


def test_the_config_edited_during_a_build_is_seen_by_the_next_one(built):
    built.edit("background.seed", 5)
    build_and(built, lambda: built.edit("background.seed", 6), at="background: ")
    assert "background" in closing(built.build())["painted"]
    assert has_nothing_to_do(built)


@pytest.mark.parametrize("part", ["mask", "effect"])
def test_an_image_replaced_during_a_build_is_seen_by_the_next_one(built, part):
    image = built.folder / "image.png"
    Image.linear_gradient("L").resize((96, 64)).save(image)
    if part == "mask":
        built.edit("subjects.rover.mask", {"image": "image.png"})
    else:
        built.edit("effects.fog", {"image": "image.png"})
    built.edit("background.seed", 5)
    build_and(built, lambda: Image.linear_gradient("L").rotate(90).resize((96, 64)).save(image), at="background: ")
    built.build()
    layer = built.folder / "results" / ("masks/rover.png" if part == "mask" else "effects/fog.png")
    with Image.open(layer) as made:
        rows, columns = (np.ptp(np.asarray(made.convert("L")).mean(axis)) for axis in (1, 0))
    assert columns > 100 > rows  # it is the second image
    assert has_nothing_to_do(built)


def test_weights_swapped_during_a_build_are_seen_by_the_next_one(built, models):
    own = built.folder / "models"
    shutil.copytree(models, own)
    built.edit("models", {"text_to_image": {"id": "models/text-to-image"}, "inpainting": {"id": "models/inpainting"}})
    built.build()
    built.edit("background.seed", 5)
    weights = own / "inpainting/unet/diffusion_pytorch_model.safetensors"

    def swap() -> None:
        content = bytearray(weights.read_bytes())
        content[-4:] = b"\0\0\0\0"
        times = weights.stat()
        weights.write_bytes(content)
        os.utime(weights, ns=(times.st_atime_ns, times.st_mtime_ns))

    build_and(built, swap, at="background: ")
    assert closing(built.build())["painted"] >= {"astronaut", "rover"}
    assert has_nothing_to_do(built)


# The store.


@pytest.mark.parametrize("damage", [b"", b"garbage", None], ids=["emptied", "garbled", "cut"])
def test_damaged_entries_of_the_store_are_painted_again(built, damage):
    before = built.bytes()
    for entry in (built.folder / ".strata/store").rglob("*.png"):
        entry.write_bytes(entry.read_bytes()[:-30] if damage is None else damage)
    for layer in ("background.png", "subjects/astronaut.png"):
        (built.folder / "results" / layer).unlink()
    built.edit("background.seed", 5)
    built.build()
    built.edit("background.seed", 77)
    said = built.build()
    assert said.count("is damaged: it is dropped, and the pass is painted") == 3
    assert built.bytes() == before


def test_two_clones_with_one_store_build_the_same_at_once(empty, tmp_path):
    empty.edit("runtime.store", {"folder": str(tmp_path / "store")})
    other = empty.copy(tmp_path / "other")
    processes = [
        subprocess.Popen(
            scene.command("results/final.png"), cwd=scene.folder, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        )
        for scene in (empty, other)
    ]
    assert [process.wait(TIMEOUT) for process in processes] == [0, 0]
    assert empty.bytes() == other.bytes()
    assert len(list((tmp_path / "store").rglob("*.png"))) == len(PASSES)
