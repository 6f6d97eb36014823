"""Variations: keys and values in a folder's name."""

import re

import pytest

from strata.errors import StrataError
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.scene.variations import assignments, vary


@pytest.fixture
def effective(config) -> dict:
    return Scene(config, "config.yaml").effective()


@pytest.mark.parametrize(
    ("name", "parsed"),
    [
        ("background.seed~78", [("background.seed", 78)]),
        ("a.b~1,c~0.5", [("a.b", 1), ("c", 0.5)]),
        ("background.prompt~a sea, calm,fog.seed~1", [("background.prompt", "a sea, calm"), ("fog.seed", 1)]),
        ("canvas.scale~2", [("canvas.scale", 2)]),
        ("mask.invert~true", [("mask.invert", True)]),
        ("fog.position~[3, 4]", [("fog.position", [3, 4])]),
        ("a.b~c~d", [("a.b", "c~d")]),
    ],
)
def test_names_are_keys_and_values(name, parsed):
    assert list(assignments(name)) == parsed


@pytest.mark.parametrize("name", ["~1", "a b~1", "a..b~1", "a.~1", ".a~1", "a~[1"])
def test_other_names_are_refused(name):
    with pytest.raises(StrataError, match=re.escape(f"The folder {name} ")):
        list(assignments(name))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("background.seed~78", lambda scene: scene["background"]["seed"]),
        ("astronaut.seed~78", lambda scene: scene["subjects"]["astronaut"]["seed"]),
        ("subjects.astronaut.seed~78", lambda scene: scene["subjects"]["astronaut"]["seed"]),
        ("fog.seed~78", lambda scene: scene["effects"]["fog"]["seed"]),
        ("fog.opacity~78", lambda scene: scene["composite"]["layers"][3]["opacity"]),
        ("composite.layers.fog.blur~78", lambda scene: scene["composite"]["layers"][3]["blur"]),
        ("contrast~78", lambda scene: scene["composite"]["finish"]["contrast"]),
        ("astronaut.mask.feather~78", lambda scene: scene["subjects"]["astronaut"]["mask"]["feather"]),
        ("text_to_image.scheduler~78", lambda scene: scene["models"]["text_to_image"]["scheduler"]),
    ],
)
def test_a_key_is_found_by_its_path_or_its_end(effective, name, found):
    before = found(effective)
    assert found(vary(effective, name)) == 78
    assert found(effective) == before != 78


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("seed~1", "sets seed, which may be any of background.seed, effects.fog.seed, subjects.astronaut.seed"),
        ("background.sed~1", "sets background.sed, which is no key of the scene. Close to it: background.seed"),
        ("dragon.seed~1", "sets dragon.seed, which is no key of the scene."),
    ],
)
def test_a_key_that_is_not_one_is_named(effective, name, said):
    with pytest.raises(StrataError, match=re.escape(said)):
        vary(effective, name)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("fog.opacity~0.1,composite.layers.fog.opacity~0.5", "fog.opacity and composite.layers.fog.opacity"),
        ("background.seed~78,background.seed~79", "background.seed and background.seed"),
    ],
)
def test_a_key_that_is_given_twice_is_refused(effective, name, keys):
    with pytest.raises(StrataError, match=re.escape(f"twice, as {keys}. Take one out.")):
        vary(effective, name)


def test_a_key_inside_a_value_that_was_given_before_can_be_set(effective):
    varied = vary(effective, "fog.depth~{start: 0, end: 1},composite.layers.fog.depth.start~0.5")
    assert varied["composite"]["layers"][3]["depth"] == {"start": 0.5, "end": 1}


def test_a_key_of_a_layer_that_is_listed_twice_is_refused(effective):
    effective["composite"]["layers"].append(effective["composite"]["layers"][3] | {"blur": 9.0})
    with pytest.raises(StrataError, match=r"sets fog\.opacity, but the composite lists fog 2 times"):
        vary(effective, "fog.opacity~0.5")
    assert vary(effective, "astronaut.opacity~0.5")["composite"]["layers"][1]["opacity"] == 0.5


def test_a_varied_scene_is_checked_like_any_other(config, tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("background: {prompt: a night}\n")
    scenes = Scenes(config)

    def background(folder: str) -> dict:
        return scenes.find(folder).background()

    assert background("background.seed~78/") == background("") | {"seed": 78}
    assert background("night/background.seed~78/") == background("night/") | {"seed": 78}
    assert background("background.seed~77/") == background("")
    with pytest.raises(StrataError, match=r"background\.seed~x: background\.seed is 'x', but must be a whole number"):
        background("background.seed~x/")
