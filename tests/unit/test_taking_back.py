"""Edits that take the values of an earlier picture back: the scene is that one again, and comments stay."""

import random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.random_edits import edit_at_random
from helpers.studio import SCENE
from strata.errors import StrataError
from strata.scene.edits import RemoveLayer, SetValue, apply
from strata.scene.scene_files import SceneFile
from strata.scene.taking_back import find_edits

CONFIG = SceneFile("config.yaml", SCENE)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_whatever_was_edited_is_taken_back(dice: random.Random, count: int):
    file = CONFIG
    for _ in range(count):
        file = apply(file, [edit_at_random(file, dice)])
    target = CONFIG.scene().effective()
    edits = find_edits(file, target)
    back = apply(file, edits)
    assert back.scene().effective() == target
    assert list(back.scene().subjects) == list(CONFIG.scene().subjects)
    again = find_edits(back, target)
    assert again == []


def test_a_single_value_is_a_single_edit():
    edited = apply(CONFIG, [SetValue(("composite", "layers", "fog", "opacity"), 0.9)])
    edits = find_edits(edited, CONFIG.scene().effective())
    assert edits == [SetValue(("composite", "layers", "fog", "opacity"), 0.3)]
    assert apply(edited, edits).text == SCENE


def test_a_removed_subject_comes_back_in_its_place():
    edited = apply(CONFIG, [RemoveLayer("subjects", "astronaut")])
    back = apply(edited, find_edits(edited, CONFIG.scene().effective()))
    assert list(back.scene().subjects) == ["astronaut", "rover"]
    assert back.scene().effective() == CONFIG.scene().effective()


def test_a_picture_of_an_older_schema_leaves_what_it_does_not_say():
    target = CONFIG.scene().effective()
    del target["refine"], target["background"]["clip_skip"]
    assert find_edits(CONFIG, target) == []


def test_a_scene_that_a_file_cannot_become_is_a_sentence():
    night = SceneFile("scenes/night.yaml", "background: {seed: 5}\n", yaml.safe_load(SCENE))
    target = night.scene().effective()
    target["subjects"] = dict(reversed(target["subjects"].items()))
    with pytest.raises(StrataError, match="cannot move"):
        find_edits(night, target)
