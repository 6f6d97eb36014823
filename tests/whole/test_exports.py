"""Exports through real Snakemake: built when asked for, in step with the layers, and never over what a person has painted."""

import io
import re

import pytest
from PIL import Image

from helpers.exported import READERS
from strata.exports import reading
from strata.imaging import compositing

FILES = {"psd": "final.psd", "openraster": "final.ora", "view": "view.html"}
TARGETS = [f"results/{file}" for file in FILES.values()]


def exports(folder) -> set[str]:
    return {name for name in folder.bytes() if name.rpartition("/")[2] in FILES.values()}


def planned_rules(folder, *targets: str) -> set[str]:
    """The rules that a build would run."""
    code, said = folder._dry_run("-n", "--verbose", *targets)
    assert code == 0, said
    return set(re.findall(r"^(?:local)?rule (\w+):", said, re.MULTILINE))


def test_exports_are_built_when_asked_for_and_follow_the_scene(built):
    assert exports(built) == set()
    said = built.build(*TARGETS)
    assert "results/final.psd" in said
    assert "results/view.html" in said
    assert exports(built) == set(FILES.values())
    final = Image.open(io.BytesIO(built.bytes()["final.png"])).convert("RGB")
    for name, (_, read) in READERS.items():
        layers, merged = read(built.bytes()[FILES[name]])
        assert [layer for layer, _ in layers] == ["background", "astronaut", "rover", "fog", "finish"]
        assert merged.convert("RGB").tobytes() == final.tobytes()
        flat = compositing.flatten(final.size, [layer for _, layer in layers[:-1]])
        assert compositing.finish(flat, contrast=1.15).tobytes() == final.tobytes()
    for file in FILES.values():
        assert reading.read(built.folder / "results" / file).scene["background"]["prompt"] == "a desert"
    page = built.bytes()["view.html"].decode()
    assert "Painted in" in page
    assert "an astronaut" in page

    assert planned_rules(built, *TARGETS) == set()
    before = {name: built.bytes()[name] for name in ("final.psd", "final.ora")}
    built.edit("composite.finish.contrast", 1.3)
    assert planned_rules(built, *TARGETS) == {"composite", "psd", "openraster", "view"}
    built.build(*TARGETS)
    assert all(built.bytes()[name] != content for name, content in before.items())
    built.edit("composite.finish.contrast", 1.15)
    built.build(*TARGETS)
    assert {name: built.bytes()[name] for name in before} == before


def test_a_page_is_made_again_with_a_picture_that_it_compares(built):
    built.write({"background": {"seed": 5}}, "scenes/dusk.yaml")
    built.edit("compare", ["dusk", "composite.finish.contrast~1.5"])
    built.build("results/view.html")
    assert {"dusk/final.png", "composite.finish.contrast~1.5/final.png"} <= built.bytes().keys()
    page = built.bytes()["view.html"].decode()
    assert "Scene dusk" in page
    assert "Scene with composite.finish.contrast~1.5" in page
    assert planned_rules(built, "results/view.html") == set()
    built.write({"background": {"seed": 5}, "composite": {"finish": {"contrast": 2}}}, "scenes/dusk.yaml")
    assert planned_rules(built, "results/view.html") == {"composite", "view"}
    built.build("results/view.html")
    assert built.bytes()["view.html"].decode() != page


def test_listed_exports_are_built_with_all_scenes_and_decide_nothing_else(built):
    built.write({"exports": ["view"], "effects": {"fog": {"seed": 7}}}, "scenes/dusk.yaml")
    built.edit("exports", ["psd", "openraster"])
    assert built.planned() == set()
    assert {"psd", "openraster", "view"} <= planned_rules(built)
    built.build("all")
    assert exports(built) == {"final.psd", "final.ora", "dusk/view.html"}
    assert built.strata("tidy").stdout.startswith("Every file under results/ belongs to a scene.")


def test_what_a_person_painted_into_an_export_is_kept(built):
    target = "results/final.psd"
    built.build(target)
    (built.folder / target).write_bytes(b"painted")
    assert planned_rules(built, target) == set()
    built.edit("composite.finish.contrast", 1.3)
    said = built.build(target)
    assert "results/final.psd was edited. It is kept as results/final.edited.psd." in said
    assert (built.folder / "results/final.edited.psd").read_bytes() == b"painted"
    assert (built.folder / target).read_bytes().startswith(b"8BPS")


def test_a_variation_has_exports_of_its_own(built):
    built.build("results/fog.opacity~0.6/view.html", "results/fog.opacity~0.6/final.ora")
    found = reading.read(built.folder / "results/fog.opacity~0.6/final.ora")
    assert found.scene["composite"]["layers"][-1]["opacity"] == 0.6
    assert b"<h1>Scene with fog.opacity~0.6</h1>" in built.bytes()["fog.opacity~0.6/view.html"]


def test_a_sweep_has_a_page_that_links_to_its_cells(built):
    config = built.config
    config["sweeps"] = {"fogs": {"keys": {"fog.opacity": [0.1, 0.3]}, "width": 64}}
    built.write(config)
    built.build("results/sweeps/fogs.html")
    page = built.bytes()["sweeps/fogs.html"].decode()
    for folder in ("fog.opacity~0.1", "fog.opacity~0.3"):
        assert f'href="../{folder}/final.png"' in page
        assert (built.folder / f"results/{folder}/final.png").exists()


@pytest.mark.parametrize("target", TARGETS)
def test_a_layer_retouched_in_another_size_is_a_sentence(built, target):
    path = built.folder / "results/effects/fog.png"
    Image.new("RGB", (50, 50)).save(path)
    done = built.snakemake(target)
    assert done.returncode == 1
    assert "results/effects/fog.png is 50 x 50 pixels, but its scene is 96 x 64" in done.stdout
    assert "Traceback" not in done.stdout
    assert "RuleException" not in done.stdout and "CalledProcessError" not in done.stdout  # Snakemake's, of the same
    assert (built.folder / "results/final.png").exists()
