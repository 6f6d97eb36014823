"""Edits as the page asks for them, in JSON, and back."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Literal, cast

from strata.errors import StrataError
from strata.scene import edits
from strata.scene.edits import Edit
from strata.yaml_files import parse_yaml

MOST = 500
"""Edits in one request."""

LONGEST = 200_000
"""Characters of one value."""

Kind = Literal["set", "take_away", "add", "copy", "remove", "rename", "move", "restack"]

CLASSES: Mapping[Kind, type[Any]] = {
    "set": edits.SetValue,
    "take_away": edits.TakeAway,
    "add": edits.AddLayer,
    "copy": edits.CopyLayer,
    "remove": edits.RemoveLayer,
    "rename": edits.RenameLayer,
    "move": edits.MoveLayer,
    "restack": edits.Restack,
}


def parse(asked: object) -> list[Edit]:
    """The edits of a request: a list of mappings, each with its `kind` and the fields of its class.

    A `set` may have `yaml` in place of `value`: text that a person wrote.

    Raises:
        StrataError: it is something else.
    """
    if not isinstance(asked, list) or len(asked) > MOST:
        raise StrataError(f"Edits are a list of at most {MOST}.")
    return [_parse(edit) for edit in asked]


def _parse(asked: object) -> Edit:
    if not isinstance(asked, dict) or asked.get("kind") not in CLASSES:
        raise StrataError(f"An edit has a kind, one of {', '.join(CLASSES)}.")
    kind = cast(Kind, asked["kind"])
    fields = {key: value for key, value in asked.items() if key != "kind"}
    if kind == "set" and isinstance(text := fields.pop("yaml", None), str):
        fields["value"] = parse_yaml(text, f"The value of {'.'.join(map(str, fields.get('path', ())))}")
    wanted = {field.name for field in dataclasses.fields(CLASSES[kind])}
    if fields.keys() != wanted or not all(CHECKS[key](value) for key, value in fields.items()):
        raise StrataError(f"The edit {kind} needs {', '.join(sorted(wanted))}.")
    if kind == "add" and not isinstance(fields["value"], dict):
        raise StrataError("A layer is added with a mapping of its keys.")
    if "path" in fields:
        fields["path"] = tuple(fields["path"])
    return cast(Edit, CLASSES[kind](**fields))


def _is_path(value: object) -> bool:
    return isinstance(value, list) and 0 < len(value) < 20 and all(_is_key(key) for key in value)


def _is_key(key: object) -> bool:
    return (isinstance(key, str) and 0 < len(key) <= 200) or (type(key) is int and 0 <= key < 10_000)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100


def _is_plain(value: object, depth: int = 0) -> bool:
    """Whether a value is short enough, and not nested deeper than any key."""
    if isinstance(value, str):
        return len(value) <= LONGEST
    if depth > 12:
        return False
    if isinstance(value, dict):
        return len(value) <= 1000 and all(_is_key(key) and _is_plain(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return len(value) <= 10_000 and all(_is_plain(item, depth + 1) for item in value)
    return True


def _is_index(value: object) -> bool:
    return type(value) is int and 0 <= value < 10_000


CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "path": _is_path,
    "value": _is_plain,
    "section": lambda value: value in ("subjects", "effects"),
    "name": _is_name,
    "to": _is_name,
    "layer": _is_name,
    "index": _is_index,
}


def describe(edit: Edit) -> dict[str, Any]:
    """An edit as the page has it."""
    kind = next(name for name, of_kind in CLASSES.items() if isinstance(edit, of_kind))
    fields = {field.name: getattr(edit, field.name) for field in dataclasses.fields(edit)}
    return {"kind": kind, **{key: list(value) if isinstance(value, tuple) else value for key, value in fields.items()}}
