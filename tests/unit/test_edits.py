"""Edits of a scene's file: what the scene is afterwards, and how little of the text changes."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from helpers.studio import SCENE
from strata.errors import StrataError
from strata.scene.edits import (
    AddLayer,
    CopyLayer,
    MoveLayer,
    RemoveLayer,
    RenameLayer,
    Restack,
    SetValue,
    TakeAway,
    _find_namers,
    apply,
)
from strata.scene.scene_files import SceneFile

NIGHT = "background: {prompt: a night} # dark\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config() -> SceneFile:
    return SceneFile("config.yaml", SCENE)


@pytest.fixture
def night() -> SceneFile:
    """A scene that is laid over the config."""
    return SceneFile("scenes/night.yaml", NIGHT, yaml.safe_load(SCENE))


def changed(file: SceneFile, *edits) -> tuple[list[str], list[str]]:
    """The lines that edits take away and add."""
    before, after = file.text.splitlines(), apply(file, edits).text.splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def stack(file: SceneFile) -> list[str]:
    return [entry["layer"] for entry in file.scene().stack]


def test_a_value_in_a_list_is_set_where_it_stands(config):
    edit = SetValue(("subjects", "astronaut", "mask", "shapes", 0, "bbox"), [1, 2, 30, 40])
    assert changed(config, edit) == (
        ["      shapes: [{shape: ellipse, bbox: [16, 24, 64, 112]}] # the whole figure"],
        ["      shapes: [{shape: ellipse, bbox: [1, 2, 30, 40]}] # the whole figure"],
    )


def test_a_value_of_a_layer_in_the_composite_goes_by_its_name(config):
    taken, added = changed(config, SetValue(("composite", "layers", "fog", "opacity"), 0.5))
    assert added == ["    - {layer: fog, opacity: 0.5, blur: 2} # thin"]
    assert len(taken) == 1


def test_a_list_that_is_the_configs_is_written_out_in_a_scene_of_its_own(night):
    edited = apply(night, [SetValue(("subjects", "rover", "mask", "shapes", 0, "bbox"), [100, 40, 180, 100])])
    assert edited.text.startswith(NIGHT)
    assert edited.own()["subjects"] == {
        "rover": {"mask": {"shapes": [{"shape": "rectangle", "bbox": [100, 40, 180, 100]}]}}
    }
    edited = apply(night, [SetValue(("composite", "layers", "fog", "opacity"), 0.9)])
    assert edited.scene().stack[3]["opacity"] == 0.9
    assert stack(edited) == stack(night)


def test_a_value_that_is_taken_away_leaves_the_default_or_what_lies_beneath(config, night):
    assert changed(config, TakeAway(("background", "seed"))) == (["  seed: 77"], [])
    edited = apply(night, [SetValue(("background", "seed"), 5), TakeAway(("background", "prompt"))])
    assert edited.own() == {"background": {"seed": 5, "prompt": None}}
    assert apply(night, [TakeAway(("subjects", "rover", "context"))]).scene().subjects["rover"]["context"] == "canvas"
    assert apply(night, [TakeAway(("background", "clip_skip"))]).text == NIGHT


@pytest.mark.parametrize(
    ("edit", "subjects", "effects", "layers"),
    [
        (
            AddLayer(
                "subjects",
                "dog",
                {"prompt": "a dog", "mask": {"shapes": [{"shape": "ellipse", "bbox": [9, 9, 50, 50]}]}},
            ),
            ["astronaut", "rover", "dog"],
            ["fog"],
            ["background", "astronaut", "rover", "dog", "fog"],
        ),
        (
            AddLayer("effects", "rain", {"prompt": "rain"}),
            ["astronaut", "rover"],
            ["fog", "rain"],
            ["background", "astronaut", "rover", "fog", "rain"],
        ),
        (
            CopyLayer("subjects", "astronaut", "twin"),
            ["astronaut", "rover", "twin"],
            ["fog"],
            ["background", "astronaut", "twin", "rover", "fog"],
        ),
        (RemoveLayer("subjects", "astronaut"), ["rover"], ["fog"], ["background", "rover", "fog"]),
        (RemoveLayer("effects", "fog"), ["astronaut", "rover"], [], ["background", "astronaut", "rover"]),
        (
            RenameLayer("subjects", "rover", "buggy"),
            ["astronaut", "buggy"],
            ["fog"],
            ["background", "astronaut", "buggy", "fog"],
        ),
        (MoveLayer("rover", 0), ["rover", "astronaut"], ["fog"], ["background", "astronaut", "rover", "fog"]),
        (Restack("fog", 1), ["astronaut", "rover"], ["fog"], ["background", "fog", "astronaut", "rover"]),
    ],
)
@pytest.mark.parametrize("lists", [True, False])
def test_layers_come_go_and_change_places(config, edit, subjects, effects, layers, lists):
    if not lists:  # then the order of the subjects is that of the composite, and a layer is in it without being listed
        config = apply(config, [TakeAway(("composite", "layers"))])
    edited = apply(config, [edit])
    scene = edited.scene()
    assert list(scene.subjects) == subjects
    assert list(scene.effects) == effects
    if lists or isinstance(edit, Restack):
        assert stack(edited) == layers
    assert edited.text.startswith("# My scene.") and edited.text.endswith("# The end.\n")


def test_a_copy_has_the_originals_values_and_its_place_in_the_composite(config):
    scene = apply(config, [CopyLayer("effects", "fog", "mist")]).scene()
    assert scene.effects["mist"] == scene.effects["fog"]
    assert {**scene.stack[4], "layer": "fog"} == scene.stack[3]


def test_a_renamed_layer_is_followed_by_the_masks_that_name_it(config):
    edited = apply(config, [SetValue(("subjects", "rover", "mask", "layer"), "astronaut")])
    edited = apply(edited, [RenameLayer("subjects", "astronaut", "man")])
    assert edited.scene().masks["rover"]["layer"] == "man"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("subjects", "rover", "mask"), {"text": "a rock", "of": "astronaut"}),
        (("depth",), {"of": "astronaut"}),
    ],
)
def test_a_renamed_layer_is_followed_by_what_looks_at_it(config, path, value):
    edited = apply(apply(config, [SetValue(path, value)]), [RenameLayer("subjects", "astronaut", "man")])
    edited.scene()  # what it names is there
    found = edited.own()
    for key in path:
        found = found[key]
    assert found["of"] == "man"


def test_whatever_names_a_layer_is_found():
    described = {
        "background": {"reference": {"layer": None}},
        "refine": {"style": {"layer": "astronaut"}, "reference": None},
        "subjects": {"rover": {"mask": {"layer": "astronaut", "of": "background"}, "control": {"of": "astronaut"}}},
        "effects": {"fog": {"reference": {"layer": "astronaut"}}, "dust": {"reference": {"layer": "rover"}}},
        "depth": None,
    }
    assert set(_find_namers(SimpleNamespace(description=described), "astronaut")) == {
        ("refine", "style", "layer"),
        ("subjects", "rover", "mask", "layer"),
        ("subjects", "rover", "control", "of"),
        ("effects", "fog", "reference", "layer"),
    }


def test_a_scene_of_its_own_removes_and_copies_what_is_the_configs(night):
    edited = apply(night, [RemoveLayer("subjects", "astronaut"), CopyLayer("subjects", "rover", "twin")])
    assert list(edited.scene().subjects) == ["rover", "twin"]
    assert stack(edited) == ["background", "rover", "twin", "fog"]
    assert edited.own()["subjects"]["twin"]["prompt"] == "a rusted hover vehicle"
    assert "color_match" not in edited.own()["subjects"]["twin"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            RenameLayer("subjects", "rover", "buggy"),
            "scenes/night.yaml cannot rename rover, which config.yaml describes",
        ),
        (MoveLayer("rover", 0), "scenes/night.yaml cannot move rover, which config.yaml describes"),
        (RemoveLayer("subjects", "dog"), "scenes/night.yaml: subjects has no dog"),
        (CopyLayer("subjects", "dog", "cat"), "scenes/night.yaml: subjects has no dog"),
        (CopyLayer("subjects", "rover", "fog"), "there is a layer named fog already"),
        (AddLayer("effects", "background", {}), "there is a layer named background already"),
        (SetValue(("subjects", "rover", "mask", "shapes", 7, "bbox"), []), "shapes.7 has no place in the file"),
    ],
)
def test_an_edit_that_a_file_cannot_hold_is_a_sentence(night, edit, said):
    with pytest.raises(StrataError, match=said):
        apply(night, [edit])


def test_the_shipped_config_can_be_edited():
    file = SceneFile("config.yaml", (Path(__file__).parents[2] / "config.yaml").read_text())
    edited = apply(file, [AddLayer("effects", "rain", {"prompt": "rain"}), RemoveLayer("effects", "rain")])
    assert edited.text == file.text
