"""Whole entries of a YAML file: whatever is added, removed, renamed or moved, the rest stays to the character."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.errors import StrataError
from strata.yaml_entries import add_entry, insert_item, list_keys, move_entry, remove_entry, rename_entry

SCENE = """\
# My scene.
canvas: {width: 768, height: 512}   # in pixels

subjects: # far to near
  # the rover
  rover: # far away
    seed: 0x63
    mask: {shapes: [{shape: ellipse, bbox: [8, 8, 32, 56]}], feather: 2}

    # The end of the rover.
  # the man
  man:
    prompt: >-
      a man
      walks
  'dog': {prompt: a dog}

effects:
  fog: {prompt: x}
composite:
  layers:
    - {layer: background}   # first
    - layer: rover
      opacity: 1.0 # opaque
    # the fog
    -   layer: fog
        position:
        - 3
        - 4
  finish: {}
# The end.
"""


def load(text: str) -> dict:
    return yaml.safe_load(text)


def test_an_entry_moves_with_its_comments():
    moved = move_entry(SCENE, ("subjects", "man"), 0)
    assert list(load(moved)["subjects"]) == ["man", "rover", "dog"]
    assert "subjects: # far to near\n  # the man\n  man:\n" in moved
    assert "      walks\n  # the rover\n  rover: # far away\n" in moved
    assert "    # The end of the rover.\n  'dog'" in moved
    assert sorted(moved.splitlines()) == sorted(SCENE.splitlines())


def test_an_item_of_a_list_moves_with_its_comments():
    moved = move_entry(SCENE, ("composite", "layers", "fog"), 0)
    assert [entry["layer"] for entry in load(moved)["composite"]["layers"]] == ["fog", "background", "rover"]
    assert "  layers:\n    # the fog\n    -   layer: fog\n" in moved
    assert "      opacity: 1.0 # opaque\n  finish: {}\n" in moved


def test_entries_on_one_line_change_places():
    assert "canvas: {height: 512, width: 768}   # in pixels" in move_entry(SCENE, ("canvas", "height"), 0)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (("subjects", "man"), "  man:\n    prompt: >-\n      a man\n      walks\n", ""),
        (("canvas", "width"), "width: 768, height", "height"),
        (("canvas", "height"), ", height: 512", ""),
        (("effects", "fog"), "effects:\n  fog: {prompt: x}\n", "effects: {}\n"),
        (("composite", "layers", "rover"), "    - layer: rover\n      opacity: 1.0 # opaque\n", ""),
        (("composite", "layers", 0), "    - {layer: background}   # first\n", ""),
        (("subjects", "rover", "mask", "feather"), ", feather: 2", ""),
        (("subjects", "rover", "seed"), "    seed: 0x63\n", ""),
    ],
)
def test_a_removed_entry_leaves_the_rest(path, old, new):
    assert SCENE.count(old) == 1
    assert remove_entry(SCENE, path) == SCENE.replace(old, new)


def test_the_last_entry_of_a_block_leaves_an_empty_one_and_its_comments():
    text = remove_entry(
        remove_entry(remove_entry(SCENE, ("subjects", "dog")), ("subjects", "man")), ("subjects", "rover")
    )
    assert "subjects: {} # far to near\n  # the rover\n" in text
    assert load(text)["subjects"] == {}


def test_a_new_entry_is_laid_out_as_people_write_it():
    value = {
        "mask": {"shapes": [{"shape": "ellipse", "bbox": [1, 2, 3, 4]}], "feather": 8},
        "prompt": "a cat: asleep",
        "seed": 4,
    }
    added = add_entry(SCENE, ("subjects", "cat"), value)
    assert (
        "  'dog': {prompt: a dog}\n  cat:\n    mask: {shapes: [{shape: ellipse, bbox: [1, 2, 3, 4]}], feather: 8}\n"
        "    prompt: 'a cat: asleep'\n    seed: 4\n\neffects:\n"
    ) in added
    assert load(added)["subjects"]["cat"] == value


def test_a_section_that_is_not_there_comes_with_its_first_entry():
    assert add_entry("a: 1\n", ("subjects", "cat"), {"seed": 1, "mask": {"feather": 1}}) == (
        "a: 1\nsubjects:\n  cat:\n    seed: 1\n    mask: {feather: 1}\n"
    )


@pytest.mark.parametrize(("index", "order"), [(0, "nbrf"), (1, "bnrf"), (3, "brfn"), (9, "brfn")])
def test_an_item_is_put_into_a_list(index, order):
    text = insert_item(SCENE, ("composite", "layers"), index, {"layer": "new"})
    assert "".join(entry["layer"][0] for entry in load(text)["composite"]["layers"]) == order
    assert set(SCENE.splitlines()) ^ set(text.splitlines()) == {"    - {layer: new}"}


@pytest.mark.parametrize(
    ("index", "text"), [(0, "[{layer: n}, a, b]"), (1, "[a, {layer: n}, b]"), (2, "[a, b, {layer: n}]")]
)
def test_an_item_is_put_into_a_list_on_one_line(index, text):
    assert insert_item("x: [a, b] # two\n", ("x",), index, {"layer": "n"}) == f"x: {text} # two\n"


def test_a_key_gets_another_name():
    assert rename_entry(SCENE, ("subjects", "dog"), "null") == SCENE.replace("'dog'", "'null'")
    assert list_keys(rename_entry(SCENE, ("subjects", "rover"), "car"), ("subjects",)) == ["car", "man", "dog"]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda: rename_entry(SCENE, ("subjects", "man"), "dog"), "subjects.dog is there already"),
        (lambda: add_entry(SCENE, ("subjects", "dog"), {}), "subjects.dog is there already"),
        (lambda: remove_entry(SCENE, ("subjects", "cat")), "subjects.cat is not in the file"),
        (lambda: remove_entry(SCENE, ("canvas", "width", "x")), "canvas.width holds no entries"),
        (lambda: remove_entry("a: &x {b: 1}\nc: *x\n", ("a",)), "a holds an alias"),
        (lambda: move_entry("a: {b: &x 1, c: *x}\n", ("a", "b"), 1), "a.b holds an alias|a holds an alias"),
        (lambda: remove_entry("- a: 1\n  b: 2\n", (0, "a")), "holds more than one entry"),
    ],
)
def test_what_cannot_be_edited_is_a_sentence(edit, said):
    with pytest.raises(StrataError, match=said):
        edit()


NAMES = st.sampled_from(["rover", "man", "dog"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(NAMES, st.integers(0, 2)), max_size=12), st.booleans())
def test_whatever_is_moved_nothing_is_lost(moves, ends):
    text = SCENE if ends else SCENE.removesuffix("# The end.\n").rstrip("\n")
    order = list(load(text)["subjects"])
    lines = sorted(text.splitlines())
    for name, index in moves:
        text = move_entry(text, ("subjects", name), index)
        order.remove(name)
        order.insert(index, name)
        assert list(load(text)["subjects"]) == order
        assert load(text)["subjects"] == load(SCENE)["subjects"]
    assert sorted(text.splitlines()) == lines
