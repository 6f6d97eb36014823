"""A whole scene through real Snakemake and diffusers, on tiny models."""

import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image

from strata.imaging import compositing


def picture(working_folder, name: str) -> Image.Image:
    with Image.open(working_folder.folder / "results" / f"{name}.png") as image:
        image.load()
    return image


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("background", "RGB"),
        ("masks/astronaut", "L"),
        ("masks/rover", "L"),
        ("subjects/astronaut", "RGBA"),
        ("subjects/rover", "RGBA"),
        ("effects/fog", "RGB"),
        ("final", "RGB"),
    ],
)
def test_every_layer_is_a_picture_of_the_canvas(finished, name, mode):
    image = picture(finished, name)
    assert (image.mode, image.size) == (mode, (96, 64))
    assert len(image.convert("RGBA").getcolors(96 * 64)) > 1


def test_outside_a_mask_the_picture_is_the_plate_bit_for_bit(finished):
    layers = ["background", "subjects/astronaut", "subjects/rover"]
    for place, subject in enumerate(["astronaut", "rover"], start=1):
        plate, after = (
            compositing.flatten((96, 64), [compositing.Layer(picture(finished, name)) for name in layers[:count]])
            for count in (place, place + 1)
        )
        outside = np.asarray(picture(finished, f"masks/{subject}")) == 0
        assert outside.any()
        assert (np.asarray(after)[outside] == np.asarray(plate)[outside]).all()
        assert (np.asarray(after)[~outside] != np.asarray(plate)[~outside]).any()


def test_the_final_picture_is_the_stack_of_its_layers(finished):
    stack = [
        compositing.Layer(picture(finished, name)) for name in ("background", "subjects/astronaut", "subjects/rover")
    ]
    stack.append(compositing.quantise(compositing.Layer(picture(finished, "effects/fog"), opacity=0.3, blur=2)))
    expected = compositing.finish(compositing.flatten((96, 64), stack), contrast=1.15)
    assert expected.tobytes() == picture(finished, "final").tobytes()


def test_built_again_from_nothing_it_is_the_same_to_the_byte(finished, empty):
    said = empty.build()
    painted = re.search(r"^results/final\.png: (.+) painted; ", said, re.MULTILINE)[1].split(", ")
    # The fog sees nothing of the rest, so that it may come at any time.
    assert [name for name in painted if name != "fog"] == ["background", "astronaut", "rover"]
    assert len(painted) == 4
    assert empty.bytes() == finished.bytes()
    assert not any(path.name.endswith(".part") for path in empty.folder.rglob("*"))
    assert "Nothing to be done" in empty.build()


def test_a_layer_says_how_it_was_made(finished):
    text = picture(finished, "subjects/rover").text
    provenance = json.loads(text["strata"])
    assert provenance["pass"]["prompt"] == "a rover"
    assert provenance["pass"]["seed"] == 99
    assert provenance["pass"]["model"]["fingerprint"]
    assert {"strata", "torch", "diffusers"} <= provenance["made_by"].keys()
    assert text["parameters"].startswith(
        "a rover\nNegative prompt: text\nSteps: 3, CFG scale: 8.0, Seed: 99, Size: 96x64"
    )


def test_the_effective_scene_builds_the_same_scene(built):
    built.build("results/scene.yaml")
    effective = yaml.safe_load((built.folder / "results/scene.yaml").read_text())
    assert effective["background"]["guidance_scale"] == 8.0
    assert effective["subjects"]["rover"]["context"] == "canvas"
    built.write(effective)
    assert built.planned() == set()


def test_progress_and_notes_are_in_the_log(finished):
    log = (finished.folder / "logs/subjects/rover.log").read_text()
    assert "step 1 of 2" in log
    assert "step 2 of 2" in log
    assert "placed whole" in log


def test_another_scene_overrides_and_shares(built):
    """A scene that differs in its fog takes the rest from the store."""
    built.write({"effects": {"fog": {"seed": 7}}}, "scenes/dusk.yaml")
    said = built.build("results/dusk/final.png")
    assert "results/dusk/final.png: fog painted; background, astronaut, rover from the store; " in said
    assert built.planned() == set()


def test_matched_colours_stay_inside_the_mask(built):
    before = np.asarray(picture(built, "subjects/rover")).astype(float)
    built.edit("subjects.rover.color_match", 1)
    assert "results/final.png: rover painted; " in built.build()
    after = np.asarray(picture(built, "subjects/rover")).astype(float)
    assert (after[..., 3] == before[..., 3]).all()
    assert (after != before).any()
    assert (after[after[..., 3] == 0] == 0).all()


def test_painted_fog_is_as_clear_as_it_is_dark(built):
    opaque = np.asarray(picture(built, "effects/fog")).astype(float)
    built.edit("effects.fog.alpha", "luminance")
    assert "results/final.png: fog painted; " in built.build()
    fog = picture(built, "effects/fog")
    assert fog.mode == "RGBA"
    assert np.abs(np.asarray(fog)[..., 3] - opaque @ (0.299, 0.587, 0.114)).max() <= 0.51
    stack = [compositing.Layer(picture(built, name)) for name in ("background", "subjects/astronaut", "subjects/rover")]
    stack.append(compositing.quantise(compositing.Layer(fog, opacity=0.3, blur=2)))
    expected = compositing.finish(compositing.flatten((96, 64), stack), contrast=1.15)
    assert expected.tobytes() == picture(built, "final").tobytes()


def test_a_hint_is_given_when_the_background_is_painted_and_can_be_switched_off(built):
    hint = "Hint: config.yaml: background.negative_prompt does not name astronaut, rover"
    assert hint not in built.build("results/subjects/rover.png")
    built.edit("background.seed", 78)
    assert built.build("results/background.png").count(hint) == 1
    built.edit("background.seed", 79)
    assert "Hint" not in built.build("results/background.png", "--config", "runtime={hints: false}")
    built.edit("background.negative_prompt", "astronauts, rovers")
    assert "Hint" not in built.build("results/background.png")


def test_odd_sizes_windows_and_scales(empty):
    """Nothing fits the latents here: 75 x 53 pixels, and a subject that sees a margin of 5."""
    empty.edit("canvas", {"width": 100, "height": 70, "scale": 0.75})
    empty.edit("subjects.rover.context", 5)
    empty.edit("subjects.rover.mask", {"shapes": [{"shape": "rectangle", "bbox": [70, 30, 97, 66]}], "feather": 3})
    empty.build("results/subjects/rover.png", "results/subjects/astronaut.png")
    layer = picture(empty, "subjects/rover")
    assert layer.size == (75, 52)
    assert layer.getchannel("A").tobytes() == picture(empty, "masks/rover").tobytes()


def test_the_report_shows_every_layer_with_its_prompt_and_seed(built):
    built.build("results/final.png", "--report", "report.html")
    report = (built.folder / "report.html").read_text()
    for words in ("a desert", "an astronaut", "a rover", "Seed 42", "Seed 200"):
        assert words in report


def test_the_report_groups_layers_by_scene_and_holds_the_page(built):
    built.write({"effects": {"fog": {"seed": 7}}}, "scenes/dusk.yaml")
    targets = "results/view.html", "results/dusk/final.png"
    built.build(*targets)
    built.build(*targets, "--report", "report.html")
    report = (built.folder / "report.html").read_text()
    categories = json.loads(re.search(r"var categories = (\{.*\})", report)[1])
    assert categories["Scene"]["Pictures"] == ["results/final.png", "results/view.html"]
    assert "results/dusk/effects/fog.png" in categories["Scene dusk"]["Layers"]
    assert '"labels": {"layer": "rover", "kind": "subject"}' in report


def test_a_sweep_is_a_sheet_and_a_table(built):
    config = built.config
    config["sweeps"] = {"fogs": {"keys": {"fog.opacity": [0.1, 0.3]}, "width": 64}}
    built.write(config)
    assert built.planned() == set()
    built.build("results/sweeps/fogs.png")
    assert picture(built, "sweeps/fogs").width > 128
    rows = (built.folder / "results/sweeps/fogs.tsv").read_text().splitlines()
    assert rows == [
        "cell\tfog.opacity\tpicture",
        "1\t0.1\tresults/fog.opacity~0.1/final.png",
        "2\t0.3\tresults/fog.opacity~0.3/final.png",
    ]
    assert picture(built, "fog.opacity~0.3/final").tobytes() == picture(built, "final").tobytes()
