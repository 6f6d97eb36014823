"""Folders of variations' layers: the values that change a layer, and no others."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.scene.layer_folders import LayerFolders, _describe
from strata.scene.scenes import Scenes
from strata.scene.variations import split_name


def find(config, folder, kind, name="") -> str:
    return LayerFolders(Scenes(config)).find(folder, kind, name)


@pytest.mark.parametrize(
    ("variation", "background", "mask", "astronaut", "rover", "fog"),
    [
        ("background.seed~1", "background.seed~1", "", "background.seed~1", "background.seed~1", ""),
        ("background.seed~77", "", "", "", "", ""),  # the value that it has
        ("rover.seed~1", "", "", "", "rover.seed~1", ""),
        ("astronaut.seed~1", "", "", "astronaut.seed~1", "astronaut.seed~1", ""),
        ("fog.opacity~0.6", "", "", "", "", ""),
        ("fog.seed~5,fog.opacity~0.6", "", "", "", "", "fog.seed~5"),
        ("rover.mask.feather~1", "", "rover.mask.feather~1", "", "rover.mask.feather~1", ""),
        ("canvas.width~120,fog.opacity~0", "canvas.width~120", *["canvas.width~120"] * 4),
        ("models.inpainting.dtype~float32", "", "", *["models.inpainting.dtype~float32"] * 2, ""),
        ("text_to_image.dtype~float32", *["text_to_image.dtype~float32", "", *["text_to_image.dtype~float32"] * 3]),
        (
            "background.seed~1,rover.seed~2",
            "background.seed~1",
            "",
            "background.seed~1",
            "background.seed~1,rover.seed~2",
            "",
        ),
        ("rover.prompt~a robot, blue,fog.seed~1", "", "", "", "rover.prompt~a robot, blue", "fog.seed~1"),
    ],
)
def test_a_layer_lives_in_the_folder_of_the_values_that_change_it(
    config, variation, background, mask, astronaut, rover, fog
):
    folder = f"{variation}/"
    found = [
        find(config, folder, "background"),
        find(config, folder, "mask", "rover"),
        find(config, folder, "subject", "astronaut"),
        find(config, folder, "subject", "rover"),
        find(config, folder, "effect", "fog"),
    ]
    assert [home.rstrip("/") for home in found] == [background, mask, astronaut, rover, fog]


def test_a_refined_picture_with_layers_by_depth_is_shared_by_variations_of_what_follows_it(config, tmp_path):
    Image.new("L", (96, 64), 90).save(tmp_path / "depth.png")
    config |= {"depth": {"image": "depth.png", "near": "white"}, "refine": {"prompt": "a desert"}}
    config["composite"]["layers"][-1]["depth"] = {}
    assert find(config, "finish.contrast~1.3/", "refine") == ""
    assert find(config, "fog.opacity~0.6/", "refine") == "fog.opacity~0.6/"


def test_the_folder_of_a_scene_in_a_file_stays(config, tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("background: {prompt: a night}\n")
    assert find(config, "night/", "background") == "night/"
    assert find(config, "night/fog.opacity~0.6/", "background") == "night/"
    assert find(config, "night/fog.opacity~0.6,background.seed~1/", "background") == "night/background.seed~1/"


def test_values_of_which_one_hides_the_other_are_not_both_left_out(config):
    """Either alone makes the strength 0.5; without both it is 0.9."""
    home = find(config, "rover.strength~0.5,models.inpainting.strength_limit~0.5/", "subject", "rover")
    assert home == "models.inpainting.strength_limit~0.5/"


VALUES = {
    "background.seed": [77, 1],
    "rover.strength": [0.9, 0.5],
    "models.inpainting.strength_limit": [1.0, 0.5, 0.9],
    "rover.context": ["canvas", 4],
    "astronaut.mask.feather": [2, 3],
    "rover.mask.feather": [2, 1],
    "fog.opacity": [0.3, 0.6],
    "models.text_to_image.steps": ["null", 3, 5],
    "canvas.width": [96, 104],
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_layer_of_the_folder_is_the_layer_that_was_asked_for(config, data):
    keys = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True))
    folder = ",".join(f"{key}~{data.draw(st.sampled_from(VALUES[key]))}" for key in keys) + "/"
    scenes = Scenes(config)
    folders = LayerFolders(scenes)

    def content(folder, kind, name):
        """What decides a layer, all that it sees included."""
        spec, seen = _describe(scenes.find(folder), kind, name)
        return [json.dumps(spec | {"where": None}), *(content(folder, *other) for other in seen)]

    for layer in (
        ("background", ""),
        ("mask", "rover"),
        ("subject", "astronaut"),
        ("subject", "rover"),
        ("effect", "fog"),
    ):
        home = folders.find(folder, *layer)
        assert content(home, *layer) == content(folder, *layer)
        assert set(split_name(home.rstrip("/"))) <= {*split_name(folder.rstrip("/")), ""}
        assert folders.find(home, *layer) == home
