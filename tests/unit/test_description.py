"""The types of a complete scene hold the keys of the schema, with the same kinds of values."""

import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from strata.runtime import Runtime
from strata.scene.description import SCHEMA, Description, complete
from strata.schema import Schema

JSON = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    types.NoneType: "null",
    list: "array",
    dict: "object",
}


def find_differences(schema: Schema, kind: Any, node: dict, where: str) -> Iterator[str]:
    """What differs between a type and a part of a schema, in words."""
    node = schema._resolve(node)
    parts = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    if (ours := {name for part in parts for name in name_kinds(part)}) != (theirs := list_kinds(node)):
        yield f"{where} is {sorted(ours)}, and {sorted(theirs)} in the schema"
    for part in parts:
        if is_class_of_keys(part):
            properties = {**node.get("properties", {})}
            for choice in node.get("allOf", ()):
                of_kind = choice.get("then", {}).get("properties", {})
                properties |= {key: value for key, value in of_kind.items() if value or key not in properties}
            hints = get_type_hints(part)
            if hints.keys() != properties.keys():
                yield f"{where} differs in {sorted(hints.keys() ^ properties.keys())}"
            for key in hints.keys() & properties.keys():
                if properties[key]:
                    yield from find_differences(schema, hints[key], properties[key], f"{where}.{key}")
        elif get_origin(part) is list:
            yield from find_differences(schema, get_args(part)[0], node["items"], f"{where}[]")
        elif get_origin(part) is dict:
            yield from find_differences(schema, get_args(part)[1], node["additionalProperties"], f"{where}.*")


def is_class_of_keys(kind: Any) -> bool:
    return is_typeddict(kind) or hasattr(kind, "__dataclass_fields__")


def name_kinds(kind: Any) -> set[str]:
    """What JSON calls the values of a type."""
    if get_origin(kind) is Literal:
        return {JSON[type(value)] for value in get_args(kind)}
    if is_class_of_keys(kind):
        return {"object"}
    return {JSON[get_origin(kind) or kind]}


def list_kinds(node: dict) -> set[str]:
    if "type" not in node:
        return {JSON[type(value)] for value in node["enum"]}
    return {node["type"]} if isinstance(node["type"], str) else set(node["type"])


@pytest.mark.parametrize(
    ("schema", "kind"), [(SCHEMA, Description), (Schema("runtime"), Runtime)], ids=["scene", "runtime"]
)
def test_types_and_schema_are_in_step(schema, kind):
    assert list(find_differences(schema, kind, schema.document, "")) == []


def test_a_difference_would_be_found():
    assert list(
        find_differences(SCHEMA, dict[str, int], {"type": "object", "additionalProperties": {"type": "string"}}, "x")
    )
    assert list(find_differences(SCHEMA, list[float], {"type": "array", "items": {"type": "integer"}}, "x"))
    assert list(find_differences(SCHEMA, float | None, {"type": "number"}, "x"))


def test_a_complete_scene_has_every_key():
    scene = complete({"background": {"prompt": "x"}}, "config.yaml")
    assert scene.keys() == get_type_hints(Description).keys()
