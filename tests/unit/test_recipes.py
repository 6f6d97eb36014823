"""Recipes: the layer that came out of what it was made from, over all builds."""

import pytest

from strata.state import RECIPES
from strata.workflow import recipes
from strata.workflow.recipes import Result, digest_recipe

SPEC = {"prompt": "a rover", "where": "config.yaml: subjects.rover"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_recipe_is_what_a_layer_is_made_from():
    base = digest_recipe(SPEC, [("results/background.png", "1"), ("results/masks/rover.png", "2")])
    others = [
        digest_recipe(
            SPEC | {"prompt": "a robot"}, [("results/background.png", "1"), ("results/masks/rover.png", "2")]
        ),
        digest_recipe(SPEC, [("results/background.png", "2"), ("results/masks/rover.png", "1")]),
        digest_recipe(SPEC, [("results/background.png", "1")]),
        digest_recipe(SPEC, [("results/subjects/rover.png", "2"), ("results/background.png", "1")]),
    ]
    assert len({base, *others}) == 5


def test_neither_the_folder_nor_the_order_of_reading_nor_the_file_of_a_sentence_counts():
    one = digest_recipe(SPEC, [("results/background.png", "1"), ("results/subjects/rover.png", "2")])
    other = digest_recipe(
        SPEC | {"where": "elsewhere"}, [("x/results/a~1/subjects/rover.png", "2"), ("results/b~2/background.png", "1")]
    )
    assert one == other


def test_the_latest_result_of_a_recipe_counts_and_what_is_no_pass_has_no_key():
    recipes.remember("r", "one", "k")
    recipes.remember("r", "two", "k")
    recipes.remember("m", "mask", recipes.UNKEYED)
    assert recipes.read() == {"r": Result("two", "k"), "m": Result("mask", None)}


@pytest.mark.parametrize("line", [b"[1, 2, 3]", b'["r", "d"', b"{}", b"\xff", b"null", b"[" * 100_000])
def test_a_line_that_is_cut_or_garbage_is_passed_over(line):
    recipes.remember("r", "one", "k")
    with RECIPES.open("ab") as file:
        file.write(line + b"\n")
    assert recipes.read() == {"r": Result("one", "k")}


def test_the_older_half_is_forgotten_when_there_is_too_much(monkeypatch):
    for number in range(6):
        recipes.remember(str(number), "layer", None)
    monkeypatch.setattr(recipes, "MOST_BYTES", 10)
    recipes.forget_old()
    assert list(recipes.read()) == ["3", "4", "5"]


def test_without_a_file_there_are_none():
    recipes.forget_old()
    assert recipes.read() == {}
