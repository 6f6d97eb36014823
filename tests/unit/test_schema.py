"""The schema: defaults, types, and sentences about what is wrong."""

import copy
import math
from collections.abc import Iterator

import pytest
import yaml

from strata.errors import StrataError
from strata.schema import Schema, dotted

SCENE = {
    "background": {"prompt": "a desert", "guidance_scale": 8},
    "subjects": {
        "astronaut": {"prompt": "an astronaut", "mask": {"shapes": [{"shape": "ellipse", "bbox": [0, 0, 9, 9]}]}},
    },
}


@pytest.fixture
def schema() -> Schema:
    return Schema("scene")


def edited(key: str, value: object) -> dict:
    scene = copy.deepcopy(SCENE)
    *parents, last = [int(part) if part.isdigit() else part for part in key.split(".")]
    place = scene
    for parent in parents:
        place = place[parent] if isinstance(place, list) else place.setdefault(parent, {})
    place[last] = value
    return scene


def test_defaults_are_filled_in_at_every_depth(schema):
    full = schema.complete(SCENE, "config.yaml")
    assert full["canvas"] == {"width": 768, "height": 512, "scale": 1.0}
    assert full["background"]["seed"] == 0
    assert full["subjects"]["astronaut"]["mask"]["feather"] == 8.0
    assert full["composite"]["finish"]["contrast"] == 1.0
    assert full["models"]["inpainting"]["dtype"] == "auto"


def test_the_description_stays_as_it_was(schema):
    before = copy.deepcopy(SCENE)
    schema.complete(SCENE, "config.yaml")["background"]["seed"] = 5
    assert before == SCENE
    assert schema.complete(SCENE, "config.yaml")["background"]["seed"] == 0


def test_whole_and_real_numbers_mean_the_same(schema):
    real = schema.complete(edited("background.steps", 40.0), "config.yaml")
    whole = schema.complete(edited("background.steps", 40), "config.yaml")
    assert repr(real) == repr(whole)
    assert repr(whole["background"]["guidance_scale"]) == "8.0"
    assert repr(whole["subjects"]["astronaut"]["mask"]["shapes"][0]["bbox"]) == "[0.0, 0.0, 9.0, 9.0]"


@pytest.mark.parametrize(
    ("key", "quoted", "bare"),
    [
        ("background.seed", "78", 78),
        ("background.guidance_scale", "7", 7.0),
        ("canvas.scale", "0.5", 0.5),
        ("canvas.scale", "5e-1", 0.5),  # YAML 1.1 wants 5.0e-1, and reads this as a text
        ("background.seed", "1e6", 1000000),
        ("subjects.astronaut.mask.invert", "true", True),
        ("subjects.astronaut.context", "16", 16),
        ("background.prompt", "78", "78"),
    ],
)
def test_quotes_round_a_number_mean_nothing(schema, key, quoted, bare):
    assert repr(schema.complete(edited(key, quoted), "a")) == repr(schema.complete(edited(key, bare), "a"))


def test_a_complete_scene_is_complete(schema):
    full = schema.complete(SCENE, "config.yaml")
    assert repr(schema.complete(full, "config.yaml")) == repr(full)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("backgroun", {}, "config.yaml: backgroun is not a key of the schema. Did you mean background?"),
        ("background.promt", "x", "background.promt is not a key of the schema. Did you mean prompt?"),
        ("background.zzz", "x", "background.zzz is not a key of the schema. Known here: clip_skip, control, fit, "),
        (
            "exports",
            ["psd", "psd"],
            "exports is ['psd', 'psd'], but may hold each only once. Take out what is there twice.",
        ),
        ("canvas.scale", "1e999", "canvas.scale is '1e999', but must be a number"),
        ("background.seed", "x", "background.seed is 'x', but must be a whole number, at least 0"),
        ("background.seed", True, "background.seed is true, but must be a whole number"),
        ("background.seed", -1, "background.seed is -1, but must be a whole number, at least 0"),
        ("background.steps", 0, "background.steps is 0, but must be a whole number, at least 1"),
        ("background.prompt", "", "background.prompt is '', but must be null or text, not empty"),
        ("canvas.scale", 0, "canvas.scale is 0.0, but must be a number, at least 0.05"),
        ("subjects.a/b", {"prompt": "x", "mask": {}}, "subjects holds a layer named 'a/b'."),
        ("subjects.Big", {"prompt": "x", "mask": {}}, "subjects holds a layer named 'Big'."),
        ("subjects", None, "subjects is null, but must be a mapping of keys"),
        ("background.loras", [{"weight": 1}], "background.loras[0].file is missing. Add it:"),
        ("subjects.astronaut.strength", 0, "subjects.astronaut.strength is 0.0, but must be a number, above 0"),
        ("subjects.astronaut.context", "far", "subjects.astronaut.context is 'far', but must be"),
        ("subjects.astronaut.mask.shapes.0.bbx", 1, "subjects.astronaut.mask.shapes[0].bbx is not a key"),
        (
            "subjects.astronaut.mask.shapes.0.bbox",
            [1, 2],
            "shapes[0].bbox is [1.0, 2.0], but must be a list, 4 long",
        ),
        (
            "subjects.astronaut.mask.shapes.0.shape",
            "elipse",
            "shapes[0].shape is 'elipse', but must be one of ellipse,",
        ),
        (
            "subjects.astronaut.mask.shapes.0",
            {"bbox": [0, 0, 9, 9]},
            "shapes[0].shape is missing. Add it: The kind of shape.",
        ),
        ("subjects.astronaut.mask.shapes.0.shape", "polygon", "shapes[0].points is missing. Add it: The corners."),
        ("composite.layers", [{"layer": "x", "blnd": 1}], "composite.layers[0].blnd is not a key"),
        ("models.inpainting.style_adapter", {"file": "a.safetensors"}, "style_adapter.image_encoder is missing."),
    ],
)
def test_what_is_wrong_is_said_with_its_key_and_value(schema, key, value, said):
    with pytest.raises(StrataError) as error:
        schema.complete(edited(key, value), "config.yaml")
    assert said in str(error.value)
    assert "data" not in str(error.value)


def numbers(value: object, path: tuple = ()) -> Iterator[tuple]:
    """The path of each number in a config."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if type(item) in (int, float):
            yield (*path, key)
        yield from numbers(item, (*path, key))


FULL = {
    "scene": SCENE
    | {
        "models": {"text_to_image": {"id": "a/b", "steps": 8, "guidance_scale": 1}},
        "effects": {"fog": {"prompt": "fog", "clip_skip": 1, "style": {"image": "a.png"}}},
        "composite": {"layers": [{"layer": "fog"}]},
    },
    "runtime": {},
    "sweeps": {"a": {"keys": {"b.seed": {"from": 1, "to": 2}, "c.opacity": [0.5, 1]}}},
}
"""A config of each schema in which, once it is complete, all kinds of numbers are."""


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", FULL)
def test_no_number_may_be_infinite_or_none_at_all(name, number):
    """Each is a number to YAML, and lies within no limit."""
    schema = Schema(name)
    full = schema.complete(FULL[name], "config.yaml")
    paths = list(numbers(full))
    assert len(paths) > 2
    for path in paths:
        wrong = copy.deepcopy(full)
        place = wrong
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = number
        with pytest.raises(StrataError) as error:
            schema.complete(wrong, "config.yaml")
        assert str(error.value) == f"config.yaml: {dotted(path)} is {number}, but must be a finite number."


def test_what_yaml_calls_infinite_is_refused(schema):
    read = yaml.safe_load("background: {prompt: x, guidance_scale: .inf}")
    with pytest.raises(StrataError, match=r"background\.guidance_scale is inf, but must be a finite number"):
        schema.complete(read, "config.yaml")


def described(schema: Schema, node: dict, path: str = "") -> list[str]:
    """The keys that lack a description, a type, or (unless they must be given) a default."""
    poor = []
    for key, value in node.get("properties", {}).items():
        where = f"{path}.{key}".lstrip(".")
        full = {**schema._resolve(value), **value}
        if "shape" not in where.split(".")[-2:-1] and value != {}:
            lacks = {"description"} - full.keys()
            lacks |= set() if full.keys() & {"type", "enum", "allOf", "$ref"} else {"type"}
            lacks |= set() if "default" in full or key in node.get("required", ()) else {"default"}
            poor += [f"{where}: {', '.join(sorted(lacks))}"] if lacks else []
        poor += described(schema, schema._resolve(value), where)
    return poor


@pytest.mark.parametrize("name", ["scene", "runtime", "sweeps"])
def test_every_key_has_a_description_a_type_and_a_default(name):
    schema = Schema(name)
    poor = described(schema, schema.document)
    for kind, definition in schema.document.get("definitions", {}).items():
        poor += described(schema, definition, kind)
    assert poor == []


def test_a_mapping_that_is_given_in_part_keeps_the_rest_of_its_default():
    models = {"inpainting": {"dtype": "float32"}}
    completed = Schema("scene").complete({"background": {"prompt": "x"}, "models": models}, "config.yaml")["models"]
    assert completed["inpainting"]["id"] == "models/embedded/inpainting"
    assert completed["inpainting"]["dtype"] == "float32"
    assert completed["text_to_image"]["id"] == "models/embedded/text-to-image"
