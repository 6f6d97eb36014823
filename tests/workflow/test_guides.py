"""What an edit of a reference, of a style or of a ControlNet's picture costs: the jobs that a real `snakemake -n` would run after it."""

import shutil

import pytest
from PIL import Image

from helpers import tiny_adapters, tiny_controlnets
from helpers.working_folder import WorkingFolder

ALWAYS = {"final"}
ROVER = {"subjects/rover"}
REFINED = {"refined"}


CONTROL = {"model": "guide", "kind": "canny", "image": "one.png"}


@pytest.fixture(scope="module")
def followed(finished, tmp_path_factory) -> WorkingFolder:
    """The built scene with two pictures and a ControlNet, by which its rover follows the first. To be copied, not changed."""
    scene = finished.copy(tmp_path_factory.mktemp("followed") / "scene")
    for name, level in (("one.png", 30), ("two.png", 200)):
        picture = Image.linear_gradient("L").convert("RGB")
        picture.paste((level, 0, 0), (20, 20, 200, 90))
        picture.save(scene.folder / name)
    tiny_controlnets.save("sd15", scene.folder / "controlnet")
    scene.edit("models.guide", {"id": "controlnet"})
    # Names on which no window lies: what it does not see counts all the same.
    scene.edit("subjects.rover", scene.config["subjects"]["rover"] | {"context": 4, "control": CONTROL})
    scene.build()
    return scene


@pytest.fixture
def pictures(followed, tmp_path) -> WorkingFolder:
    """A copy, to be edited."""
    scene = followed.copy(tmp_path / "scene")
    assert scene.planned() == set()
    return scene


def paint_rover(scene: WorkingFolder, **values) -> None:
    scene.edit("subjects.rover", scene.config["subjects"]["rover"] | values)
    assert "rover painted" in scene.build("results/subjects/rover.png")
    assert scene.planned("results/subjects/rover.png") == set()


CONTROL_EDITS = [
    ("kind", "depth"),
    ("image", "two.png"),
    ("fit", "stretch"),
    ("scale", 0.5),
    ("mode", 3),
    ("thresholds", [50, 100]),
    ("model", "other"),
]


def test_a_control_costs_the_pass_that_has_it(pictures):
    other = shutil.copytree(pictures.folder / "controlnet", pictures.folder / "other")
    (other / "extra.txt").write_text("another one")
    pictures.edit("models.other", {"id": "other"})
    control = CONTROL
    for place, again in (
        ("background", {"background", "subjects/astronaut"} | ROVER),
        ("effects.fog", {"effects/fog"}),
    ):
        pictures.edit(f"{place}.control", control)
        assert pictures.planned() == again | ALWAYS
        pictures.edit(f"{place}.control", None)
    pictures.edit("refine", {"prompt": "a desert", "steps": 5, "control": control})
    assert pictures.planned() == REFINED | ALWAYS
    pictures.edit("refine", None)
    for key, value in CONTROL_EDITS:
        pictures.edit("subjects.rover.control", control | {key: value})
        assert pictures.planned("results/subjects/rover.png") == ROVER, key
    pictures.edit("subjects.rover.control", {"model": "guide", "kind": "plate"})
    assert pictures.planned("results/subjects/rover.png") == ROVER
    pictures.edit("subjects.rover.control", control)
    assert pictures.planned("results/subjects/rover.png") == set()
    pictures.edit("models.guide.dtype", "bfloat16")
    assert pictures.planned("results/subjects/rover.png") == ROVER
    pictures.edit("models.guide.dtype", None)
    assert pictures.planned("results/subjects/rover.png") == set()
    shutil.copyfile(pictures.folder / "two.png", pictures.folder / "one.png")
    assert pictures.planned("results/subjects/rover.png") == ROVER


def test_a_control_of_a_layer_depends_on_that_layer(pictures):
    paint_rover(pictures, control={"model": "guide", "kind": "canny", "of": "astronaut"})
    pictures.edit("subjects.astronaut.seed", 1)
    assert pictures.planned("results/subjects/rover.png") == {"subjects/astronaut"} | ROVER
    pictures.edit("subjects.astronaut.seed", 42)
    paint_rover(pictures, control={"model": "guide", "kind": "canny", "of": "fog"})
    pictures.edit("effects.fog.seed", 1)
    assert pictures.planned("results/subjects/rover.png") == {"effects/fog"} | ROVER


def test_a_control_of_the_plate_reads_no_other_picture(pictures):
    paint_rover(pictures, control={"model": "guide", "kind": "plate"})
    pictures.edit("subjects.rover.control.scale", 0.5)
    assert pictures.planned("results/subjects/rover.png") == ROVER


def test_an_edit_taken_back_comes_from_the_store(pictures):
    before = (pictures.folder / "results/subjects/rover.png").read_bytes()
    paint_rover(pictures, control=CONTROL | {"image": "two.png"})
    pictures.edit("subjects.rover.control", CONTROL)
    assert "rover from the store" in pictures.build("results/subjects/rover.png")
    assert (pictures.folder / "results/subjects/rover.png").read_bytes() == before


def test_a_style_depends_on_its_picture_or_layer(pictures):
    adapter = tiny_adapters.style(pictures.config["models"]["inpainting"]["id"], pictures.folder / "adapter")
    pictures.edit("models.inpainting.style_adapter", adapter)
    pictures.edit("subjects.rover.control", None)
    target = "results/subjects/rover.png"
    paint_rover(pictures, style={"image": "one.png"})
    shutil.copyfile(pictures.folder / "two.png", pictures.folder / "one.png")
    assert pictures.planned(target) == ROVER
    paint_rover(pictures, style={"layer": "astronaut"})
    pictures.edit("subjects.astronaut.seed", 1)
    assert pictures.planned(target) == {"subjects/astronaut"} | ROVER


@pytest.fixture
def klein(models_of, tmp_path) -> WorkingFolder:
    """The tiny scene on the tiny FLUX.2 klein, with a window that sees nothing of the astronaut; and two pictures."""
    folders = models_of("flux2-klein")
    scene = WorkingFolder(tmp_path / "scene", folders["text_to_image"].parent)
    scene.edit("models.inpainting", scene.config["models"]["text_to_image"])
    scene.edit("subjects.rover.context", 4)
    for name, level in (("one.png", 30), ("two.png", 200)):
        Image.new("RGB", (64, 80), (level, 9, 9)).save(scene.folder / name)
    return scene


def test_a_reference_costs_the_pass_that_has_it(klein):
    klein.edit("refine", {"prompt": "a desert", "steps": 5})
    klein.build()
    reference = {"image": "one.png"}
    for place, again in (
        ("background", {"background", "subjects/astronaut", "refined"} | ROVER),
        ("effects.fog", {"effects/fog", "refined"}),
        ("refine", REFINED),
        ("subjects.rover", ROVER | REFINED),
    ):
        klein.edit(f"{place}.reference", reference)
        assert klein.planned() == again | ALWAYS, place
        if place != "subjects.rover":
            klein.edit(f"{place}.reference", None)
    klein.build("results/subjects/rover.png")
    target = "results/subjects/rover.png"
    assert klein.planned(target) == set()
    shutil.copyfile(klein.folder / "two.png", klein.folder / "one.png")
    assert klein.planned(target) == ROVER
    klein.edit("subjects.rover.reference.weight", 0.5)
    assert klein.planned(target) == ROVER
    assert "rover painted" in klein.build(target)  # and not kept, nor from the store
    klein.edit("subjects.rover.reference.weight", 2.0)
    assert "rover painted" in klein.build(target)
    klein.edit("subjects.rover.reference.weight", 0.5)
    assert "rover from the store" in klein.build(target)
    klein.edit("subjects.rover.reference", {"layer": "astronaut"})
    klein.build(target)
    assert klein.planned(target) == set()
    klein.edit("subjects.astronaut.seed", 1)
    assert klein.planned(target) == {"subjects/astronaut"} | ROVER
    # In a variation, a layer lives where what it looks at does.
    assert klein.planned("results/astronaut.seed~9/final.png") >= {"astronaut.seed~9/subjects/rover"}
