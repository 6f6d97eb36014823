"""From one scene to another by edits: what takes the values of an earlier picture back into a scene's file."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from strata.errors import StrataError
from strata.scene.description import SCHEMA
from strata.scene.edits import (
    LAYERS,
    AddLayer,
    Edit,
    MoveLayer,
    RemoveLayer,
    Restack,
    Section,
    SetValue,
    TakeAway,
    apply,
)
from strata.scene.scene_files import SceneFile

SECTIONS: tuple[Section, Section] = ("subjects", "effects")


def find_edits(file: SceneFile, target: Mapping[str, Any]) -> list[Edit]:
    """The edits that make the scene of a file a given one.

    Args:
        target: an effective scene. What it does not say, such as a key that is newer than it, stays as it is.

    Raises:
        StrataError: this file cannot become that scene, such as one in scenes/ with another order of its subjects.
    """
    now = file.scene().effective()
    wanted = _complete(target, now)
    edits = [*_change_layers(now, wanted), *_change_values(now, wanted)]
    order = list(wanted["subjects"])
    arranged = [name for name in now["subjects"] if name in order]
    arranged += [name for name in order if name not in arranged]
    edits += [MoveLayer(name, index) for name, index in _sort(arranged, order)]
    edits += _change_stack(apply(file, edits), wanted["composite"]["layers"])
    left = apply(file, edits).scene().effective()
    if left != wanted or list(left["subjects"]) != order:
        raise StrataError(
            f"{file.source} cannot become that scene by edits. `strata restore` writes it as a file of its own."
        )
    return edits


def _complete(target: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The scene that is wanted, in the form of today's schema."""
    wanted = SCHEMA.complete({key: value for key, value in target.items() if key in now}, "The picture")
    return {key: wanted.get(key, now[key]) for key in now}


def _change_layers(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Edit]:
    for section in SECTIONS:
        yield from (RemoveLayer(section, name) for name in now[section] if name not in wanted[section])
        for name, value in wanted[section].items():
            if name not in now[section]:
                yield AddLayer(section, name, _leave_nulls(value))


def _leave_nulls(value: Mapping[str, Any]) -> dict[str, Any]:
    """What a person would write of a complete layer: what is null or an empty list is so by default."""
    return {
        key: _leave_nulls(item) if isinstance(item, Mapping) else copy.deepcopy(item)
        for key, item in value.items()
        if item is not None and item != []
    }


def _change_values(now: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Edit]:
    for key in wanted:
        if key in SECTIONS:
            for name in wanted[key]:
                if name in now[key]:
                    yield from _differences((key, name), now[key][name], wanted[key][name])
        else:
            yield from _differences((key,), now[key], wanted[key])


def _differences(path: tuple[str | int, ...], old: Any, new: Any) -> Iterator[Edit]:
    """Edits of single values, so that comments beside the others stay."""
    if path == LAYERS or old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [key for key in old if key not in new]:
            yield TakeAway((*path, key))
        for key, value in new.items():
            if key in old:
                yield from _differences((*path, key), old[key], value)
            else:
                yield SetValue((*path, key), copy.deepcopy(value))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and _are_mappings(old + new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            if before.get("shape") == after.get("shape"):
                yield from _differences((*path, index), before, after)
            else:
                yield SetValue((*path, index), copy.deepcopy(after))
    else:
        yield SetValue(path, copy.deepcopy(new))


def _are_mappings(values: Sequence[object]) -> bool:
    return bool(values) and all(isinstance(value, Mapping) for value in values)


def _sort(names: list[str], order: Sequence[str]) -> Iterator[tuple[str, int]]:
    """The moves, one after the other, that bring names into an order."""
    names = list(names)
    for index, name in enumerate(order):
        if names[index] != name:
            names.remove(name)
            names.insert(index, name)
            yield name, index


def _change_stack(file: SceneFile, wanted: Sequence[Mapping[str, Any]]) -> list[Edit]:
    """Edits of the composite: entry by entry where both hold the same layers once, else all of it."""
    now = [dict(entry) for entry in file.scene().stack]
    if now == list(wanted):
        return []
    names, order = [str(entry["layer"]) for entry in now], [str(entry["layer"]) for entry in wanted]
    if sorted(names) != sorted(order) or len(set(names)) < len(names):
        return [SetValue(LAYERS, [copy.deepcopy(dict(entry)) for entry in wanted])]
    by_name = {entry["layer"]: entry for entry in wanted}
    edits: list[Edit] = []
    for entry in now:
        edits += _differences((*LAYERS, str(entry["layer"])), entry, by_name[entry["layer"]])
    return edits + [Restack(name, index) for name, index in _sort(names, order)]
