"""The graph of layers: what each file is made from, and what is left of files that no scene has."""

from pathlib import Path

import pytest

from strata.errors import StrataError
from strata.scene.layers import Layers
from strata.scene.scenes import Scenes


@pytest.fixture
def layers(config) -> Layers:
    return Layers(Scenes(config))


@pytest.mark.parametrize(
    ("file", "rule", "inputs"),
    [
        ("background.png", "background", ()),
        ("masks/rover.png", "mask", ()),
        (
            "subjects/rover.png",
            "subject",
            ("background.png", "subjects/astronaut.png", "masks/rover.png"),
        ),
        ("effects/fog.png", "effect", ()),
        (
            "final.png",
            "composite",
            ("background.png", "subjects/astronaut.png", "subjects/rover.png", "effects/fog.png"),
        ),
        ("final@2x.png", "upscale", ("final.png",)),
        ("scene.yaml", "scene", ()),
        ("sweeps/seeds.png", "sweep", ("background.seed~1/final.png", "background.seed~2/final.png")),
        (
            "background.seed~1,fog.opacity~0.6/final.png",
            "composite",
            (
                "background.seed~1/background.png",
                "background.seed~1/subjects/astronaut.png",
                "background.seed~1/subjects/rover.png",
                "effects/fog.png",
            ),
        ),
        ("rover.seed~1/subjects/rover.png", "subject", ("background.png", "subjects/astronaut.png", "masks/rover.png")),
    ],
)
def test_a_file_is_found_by_its_path(config, file, rule, inputs):
    layer = Layers(Scenes(config | {"sweeps": {"seeds": {"keys": {"background.seed": [1, 2]}}}})).find(file)
    assert (layer.rule, layer.file, layer.inputs) == (rule, file, inputs)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("notes.txt", "No rule makes results/notes.txt"),
        ("subjects/dragon.png", "subjects has no dragon"),
        ("night/final.png", "There is no scene night"),
        ("sweeps/seeds.png", "sweeps has no seeds"),
        (
            "background.seed~1,fog.opacity~0.6/background.png",
            "results/background.seed~1,fog.opacity~0.6/background.png would be the same as "
            "results/background.seed~1/background.png",
        ),
        ("fog.opacity~0.6/masks/rover.png", "would be the same as results/masks/rover.png"),
    ],
)
def test_other_files_are_answered_by_a_sentence(layers, file, said):
    with pytest.raises(StrataError) as error:
        layers.find(file)
    assert said in str(error.value)


# What is left under results/


LEFT = [
    "effects/rain.png",
    "masks/fog.png",  # an effect has no mask
    "depth/fog.png",
    "checks/astronaut.json",
    "found/astronaut.png",  # its mask says nothing in words
    "night/subjects/rover.png",  # the night has no rover
    "gone/final.png",
    "gone/subjects/astronaut.png",
    "background.sed~1/final.png",
    "night/background.seed~1/subjects/dragon.png",
    "night/background.seed~1/effects/fog.png",  # no other than the night's
    "gone/background.seed~1/final.png",
    "sweeps/colours.png",
    "sweeps/colours.tsv",
    "subjects/dragon.png",
    "gone/night/final.png",
]
KEPT = [
    "background.png",
    "found/rover.png",
    "checks/rover.png",
    "checks/rover.json",
    "depth/background.png",
    "depth/rover.png",
    "final.png",
    "final@2x.png",
    "scene.yaml",
    "masks/rover.png",
    "subjects/rover.png",
    "effects/fog.png",
    "night/background.png",
    "night/subjects/astronaut.png",
    "background.seed~1/final@4x.png",
    "background.seed~1/subjects/rover.png",
    "sweeps/seeds.png",
    "sweeps/seeds.tsv",
]
OF_NO_RULE = [
    "notes.txt",
    "gone/notes.txt",
    "final@3x.png",
    "subjects/.dragon.png.part",
    "subjects/sketches/dragon.png",
    "sweeps/notes.txt",
    "a/b/c/final.png",
]


@pytest.fixture
def results(tmp_path) -> Path:
    for name in LEFT + KEPT + OF_NO_RULE:
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("results")


def test_leftovers_are_files_of_rules_that_no_scene_and_no_sweep_names(config, describe, results):
    describe("night", "subjects: {rover: null}\ncomposite: null\n")
    config["subjects"]["rover"]["mask"]["text"] = "a rock"
    config["subjects"]["rover"]["check"] = {}
    layers = Layers(Scenes(config | {"sweeps": {"seeds": {"keys": {"background.seed": [1]}}}}))
    found = [path.relative_to(results).as_posix() for path in layers.find_leftovers(results)]
    assert found == sorted(LEFT, key=lambda name: Path(name).parts)


def test_nothing_is_a_leftover_of_a_scene_with_a_mistake(config, describe, results):
    """A wrong letter in a scene's file must not cost its layers."""
    describe("night", "background: {promt: a night}\n")
    with pytest.raises(StrataError, match=r"^scenes/night\.yaml: background\.promt is not a key"):
        list(Layers(Scenes(config)).find_leftovers(results))
