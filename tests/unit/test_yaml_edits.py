"""An edit of one value in a YAML file leaves everything else as it is, to the character."""

import copy
import string

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from strata.errors import StrataError
from strata.yaml_edits import set_value

SCENE = """\
# My scene.
canvas: {width: 768, height: 512}   # in pixels

background:
    prompt: 'a "wide" desert'
    seed: 77 # lucky
    negative_prompt: >-
      people,
      text


subjects:
  rover: # far away
    seed: 0x63
    mask: {shapes: [{shape: ellipse, bbox: [8, 8, 32, 56]}], feather: 2}

    # The end of the rover.
effects:
composite:
  layers:
    - {layer: background}   # first
    - layer: rover
      opacity: 1.0 # opaque
    -   layer: fog
        position:
        - 3
        - 4
  finish: {}
# The end.
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        ("background.seed", 5, "seed: 77 # lucky", "seed: 5 # lucky"),
        ("background.prompt", "a sea", "prompt: 'a \"wide\" desert'", "prompt: a sea"),
        ("background.prompt", "a: sea # or so", "prompt: 'a \"wide\" desert'", "prompt: 'a: sea # or so'"),
        ("background.prompt", "77", "prompt: 'a \"wide\" desert'", "prompt: '77'"),
        ("background.negative_prompt", "ice", ">-\n      people,\n      text\n\n\n", "ice\n\n\n"),
        ("canvas.width", 512, "{width: 768, height", "{width: 512, height"),
        ("canvas.scale", 0.5, "height: 512}   #", "height: 512, scale: 0.5}   #"),
        ("canvas", {"width": 64}, "{width: 768, height: 512}   #", "{width: 64}   #"),
        ("subjects.rover.seed", 1, "seed: 0x63", "seed: 1"),
        ("subjects.rover.mask.feather", 8.0, "feather: 2}", "feather: 8.0}"),
        ("subjects.rover.mask.shapes", [], "[{shape: ellipse, bbox: [8, 8, 32, 56]}]", "[]"),
        ("subjects.rover.strength", 0.9, "feather: 2}\n", "feather: 2}\n    strength: 0.9\n"),
        ("subjects.robot.seed", 1, "feather: 2}\n", "feather: 2}\n  robot: {seed: 1}\n"),
        ("effects", {}, "effects:\n", "effects: {}\n"),
        ("effects.fog.seed", 3, "effects:\n", "effects: {fog: {seed: 3}}\n"),
        ("composite.layers.background.blur", 2, "{layer: background}", "{layer: background, blur: 2}"),
        ("composite.layers.rover.opacity", 0.5, "opacity: 1.0 #", "opacity: 0.5 #"),
        ("composite.layers.rover.blur", 2, "# opaque\n", "# opaque\n      blur: 2\n"),
        ("composite.layers.fog.position", [0, 0], "\n        - 3\n        - 4\n", " [0, 0]\n"),
        ("composite.layers.fog.blend", "screen", "- 4\n", "- 4\n        blend: screen\n"),
        ("composite.finish.contrast", 1.1, "finish: {}", "finish: {contrast: 1.1}"),
        ("composite.extra", None, "finish: {}\n", "finish: {}\n  extra: null\n"),
        ("upscale.method", "network", "# The end.\n", None),
    ],
)
def test_an_edit_changes_its_value_and_no_other_character(path, value, old, new):
    assert SCENE.count(old) == 1
    expected = (
        SCENE.replace(old, new) if new else SCENE.replace("# The end.\n", "upscale: {method: network}\n# The end.\n")
    )
    edited = set_value(SCENE, path.split("."), value)
    assert edited == expected
    assert yaml.safe_load(edited) == expect(yaml.safe_load(SCENE), path.split("."), value)


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("", "a.b", "a:\n  b: 1\n"),
        ("# Nothing yet.\n", "a", "# Nothing yet.\na: 1\n"),
        ("{}", "a.b", "{a: {b: 1}}"),
        ("a: 2", "a", "a: 1"),
        ("a: 2", "b", "a: 2\nb: 1\n"),
        ("a: 2 # two", "b", "a: 2 # two\nb: 1\n"),
        ("a:\n  - 1\n", "b", "a:\n  - 1\nb: 1\n"),
        ("a: |\n  text\n", "a", "a: 1\n"),
        ("a: |\n  text\nb: 2\n", "a", "a: 1\nb: 2\n"),
        ("---\na: 2\n", "a", "---\na: 1\n"),
        ("a: {b: 2,}\n", "a.c", "a: {b: 2, c: 1,}\n"),
        ("a: {\n  b: 2, # two\n}\n", "a.b", "a: {\n  b: 1, # two\n}\n"),
        ('"a": 2\n', "a", '"a": 1\n'),
        ("a: ~\n", "a.b", "a: {b: 1}\n"),
        ("a:\n- 1\n- 2\nb: 2\n", "a", "a: 1\nb: 2\n"),
        ("a: # one:\n- 1\nb: 2\n", "a", "a: # one:\n  1\nb: 2\n"),
        ("a:\n- layer: b\n  c: 2\n", "a.b", "a:\n- 1\n"),
        ("a:\n", "on", "a:\n'on': 1\n"),
    ],
)
def test_small_files_are_edited_too(text, path, expected):
    assert set_value(text, path.split("."), 1) == expected


@pytest.mark.parametrize(
    ("text", "path", "said"),
    [
        ("a: 1\n", "a.b", "a.b has no place in the file"),
        ("a: [1, 2]\n", "a.b", "a.b has no place in the file"),
        ("a: [{layer: fog}]\n", "a.rain.blur", "a.rain has no place in the file"),
        ("a: &x {b: 1}\nc: *x\n", "c.b", "c is an alias of what stands elsewhere"),
        ("a: &x 1\nc: *x\n", "c", "c is an alias of what stands elsewhere"),
        ("a: &x {b: 1}\nc: *x\n", "a.b", "a is an alias of what stands elsewhere"),
        ("a: &x 1\nb:\n  c: *x\n", "b.d", "b.d would follow an alias"),
        ("a: {b: &x 1}\nc: *x\n", "a", "a holds an alias of what stands elsewhere"),
        ("a: [&x {layer: fog}, *x]\n", "a.fog.blur", "a.fog is an alias of what stands elsewhere"),
    ],
)
def test_what_cannot_be_edited_is_a_sentence(text, path, said):
    with pytest.raises(StrataError, match=said):
        set_value(text, path.split("."), 2)


def expect(mapping: dict, path: list[str], value: object) -> dict:
    """The mapping with a value set, as set_value() describes it."""
    result = copy.deepcopy(mapping)
    place: object = result
    for key, after in zip(path, [*path[1:], None], strict=True):
        if isinstance(place, list):
            place = next(entry for entry in place if entry["layer"] == key)
        elif after is None:
            place[key] = value
        else:
            place[key] = {} if place.get(key) is None else place[key]
            place = place[key]
    return result


names = st.one_of(
    st.sampled_from(["a", "b", "on", "no", "null", "layer", "y"]), st.text(string.ascii_lowercase, min_size=1)
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1000, 1000),
    st.floats(-1000, 1000).map(lambda number: round(number, 3)),
    st.text(st.sampled_from("ab1 :#,-{}[]&*!|>%@'\"\\\n\tü~?."), max_size=12),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=6,
)
mappings = st.dictionaries(names, values, max_size=4)


def means(text: str, mapping: dict) -> bool:
    try:
        return yaml.safe_load(text) == mapping
    except yaml.YAMLError:
        return False


@st.composite
def edits(draw) -> tuple[str, list[str], object]:
    """A YAML text, a path in it that leads through mappings, and a value."""
    mapping = draw(mappings)
    layout = {"default_flow_style": draw(st.sampled_from([None, True, False])), "indent": draw(st.integers(2, 4))}
    text = yaml.safe_dump(
        mapping, sort_keys=False, allow_unicode=True, width=draw(st.sampled_from([20, 10**6])), **layout
    )
    comments = draw(st.sampled_from(["", " # a comment"]))
    commented = "".join(f"{line}{comments}\n" for line in text.splitlines())
    assume(means(commented, mapping))  # no comment fell into a text
    path, place = [], mapping
    while True:
        key = draw(st.sampled_from(sorted(place)) | names) if place else draw(names)
        path.append(key)
        place = place.get(key)
        if not (place is None or isinstance(place, dict)) or not draw(st.booleans()):
            return draw(st.sampled_from(["", "# head\n"])) + commented, path, draw(values)
        place = place or {}


@settings(max_examples=400, deadline=None)
@given(edits())
def test_what_is_read_after_an_edit_is_what_was_there_with_the_value_set(edit):
    text, path, value = edit
    assert yaml.safe_load(set_value(text, path, value)) == expect(yaml.safe_load(text) or {}, path, value)
