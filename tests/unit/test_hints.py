"""Hints: which word of a prompt is the noun, and whether a negative prompt holds it."""

import pytest

from strata.scene import hints


@pytest.mark.parametrize(
    ("prompt", "noun"),
    [
        ("an astronaut in a weathered white suit, standing in the desert", "astronaut"),
        ("a rusted hover vehicle floating above the sand", "vehicle"),
        ("a red robot", "robot"),
        ("Robot", "robot"),
        ("a photo of a tall wooden ship, oil on canvas", "ship"),
        ("a flying saucer", "saucer"),
        ("an old building. Golden light.", "building"),
        ("a car parked on the street", "car"),
        ("two horses and a cart", "horses"),
        ("an x-ray machine with wires", "machine"),
        ("(a knight:1.2) on a horse", "knight"),
        ("ein Ritter", "ritter"),
        ("", ""),
        ("...", ""),
    ],
)
def test_the_noun_of_a_prompt(prompt, noun):
    assert hints.find_noun(prompt) == noun


@pytest.mark.parametrize(
    ("negative", "missing"),
    [
        ("people, text", ["robot", "box"]),
        ("Robots, text", ["box"]),
        ("robot, boxes", []),
        ("robotics, box", ["robot"]),
        ("", ["robot", "box"]),
    ],
)
def test_a_noun_is_found_in_either_number(negative, missing):
    assert hints.find_unnamed(["a robot", "a wooden box", "another robot"], negative) == missing


def test_a_scene_without_subjects_gets_no_hint():
    assert hints.hint_at_background({"subjects": {}, "background": {"negative_prompt": ""}}, "config.yaml") == []


def test_the_background_is_hinted_at_with_the_file_and_how_to_end_hints():
    description = {"subjects": {"a": {"prompt": "a robot"}}, "background": {"negative_prompt": "people"}}
    (hint,) = hints.hint_at_background(description, "scenes/night.yaml")
    assert "scenes/night.yaml: background.negative_prompt does not name robot" in hint
    assert "hints: false" in hint
