"""Edits of a scene's file: a value set, a layer added, removed, renamed, moved; and everything else as it was, to the character."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from strata.errors import StrataError
from strata.scene.scene import Scene
from strata.scene.scene_files import SceneFile
from strata.scene.variations import find_path
from strata.yaml_edits import set_value
from strata.yaml_entries import add_entry, insert_item, list_keys, move_entry, remove_entry, rename_entry
from strata.yaml_files import merge, parse_yaml
from strata.yaml_nodes import Path, compose, find, is_null, write_path

Section = Literal["subjects", "effects"]

LAYERS = ("composite", "layers")


@dataclass(frozen=True)
class SetValue:
    """A value at a path. In composite.layers an entry goes by its layer, in other lists by its number."""

    path: tuple[str | int, ...]
    value: object


@dataclass(frozen=True)
class TakeAway:
    """A key taken away, so that what lies beneath holds: the default, or what a preset or config.yaml says."""

    path: tuple[str | int, ...]


@dataclass(frozen=True)
class AddLayer:
    """A subject or an effect, at the end of its section, and in the composite above the others of its kind."""

    section: Section
    name: str
    value: Mapping[str, Any]


@dataclass(frozen=True)
class CopyLayer:
    """A subject or an effect once more, by another name."""

    section: Section
    name: str
    to: str


@dataclass(frozen=True)
class RemoveLayer:
    """A subject or an effect taken out, of its section and of the composite."""

    section: Section
    name: str


@dataclass(frozen=True)
class RenameLayer:
    """A subject or an effect by another name, in the composite and in the masks that follow it, too."""

    section: Section
    name: str
    to: str


@dataclass(frozen=True)
class MoveLayer:
    """A subject painted earlier or later: `index` is its number among the subjects afterwards."""

    name: str
    index: int


@dataclass(frozen=True)
class Restack:
    """A layer moved in the composite: `index` is its number from below afterwards."""

    layer: str
    index: int


Edit = SetValue | TakeAway | AddLayer | CopyLayer | RemoveLayer | RenameLayer | MoveLayer | Restack


def apply(file: SceneFile, edits: Sequence[Edit]) -> SceneFile:
    """The file after some edits, one after the other. What they make of it is not checked as a whole.

    Raises:
        StrataError: an edit cannot be made in this file, or needs to know a scene that is wrong already.
    """
    for edit in edits:
        file = file.with_text(_apply(file, edit))
    return file


def _apply(file: SceneFile, edit: Edit) -> str:
    match edit:
        case SetValue(path, value):
            return _set(file, path, value)
        case TakeAway(path):
            return _take_away(file, path)
        case AddLayer(section, name, value):
            return _add(file, section, name, value)
        case CopyLayer(section, name, to):
            return _copy(file, section, name, to)
        case RemoveLayer(section, name):
            return _remove(file, section, name)
        case RenameLayer(section, name, to):
            return _rename(file, section, name, to)
        case MoveLayer(name, index):
            _check_own(file, "subjects", name, "move")
            return move_entry(file.text, ("subjects", name), _place_among_own(file, index))
        case Restack(layer, index):
            return _restack(file, layer, index)


def _set(file: SceneFile, path: Path, value: object) -> str:
    text = _write_out_lists(file, path)
    if len(path) == 2 and isinstance(value, dict) and find(compose(text), path) is None:
        return add_entry(text, path, value)
    return set_value(text, path, value)


def _write_out_lists(file: SceneFile, path: Path) -> str:
    """The text with the list that a path leads into. Where the file does not give it, the one in effect is written out first."""
    for depth, key in enumerate(path):
        in_list = isinstance(key, int) or tuple(path[:depth]) == LAYERS
        if in_list and _is_absent(file.text, path[:depth]):
            return set_value(file.text, path[:depth], _find_value(file.scene().effective(), path[:depth]))
    return file.text


def _find_value(effective: Any, path: Path) -> object:
    value = effective
    for key in path:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise StrataError(f"{write_path(path)} is not in the scene.") from None
    return copy.deepcopy(value)


def _is_absent(text: str, path: Path) -> bool:
    """Whether a file does not give a value, or gives null."""
    node = find(compose(text), path)
    return node is None or is_null(node)


def _take_away(file: SceneFile, path: Path) -> str:
    text = file.text if find(compose(file.text), path) is None else remove_entry(file.text, path)
    if file.base is not None and _holds(file.base, path):
        return set_value(text, path, None)
    return text


def _holds(described: object, path: Path) -> bool:
    for key in path:
        if not isinstance(described, Mapping) or key not in described:
            return False
        described = described[key]
    return True


def _add(file: SceneFile, section: Section, name: str, value: Mapping[str, Any]) -> str:
    scene = file.scene()
    _check_free(scene, name)
    text = add_entry(file.text, (section, name), {**value})
    if not _lists_layers(scene):
        return text
    described = {"layer": name} if section == "subjects" else {"layer": name, "opacity": 0.5, "blend": "screen"}
    kin = scene.subjects if section == "subjects" else scene.effects
    below = [
        index for index, entry in enumerate(scene.stack) if entry["layer"] in ("background", *scene.subjects, *kin)
    ]
    return _insert_layer(file.with_text(text), scene, max(below, default=-1) + 1, described)


def _copy(file: SceneFile, section: Section, name: str, to: str) -> str:
    scene = file.scene()
    _check_free(scene, to)
    if name not in scene.effective()[section]:
        raise StrataError(f"{file.source}: {section} has no {name}.")
    own, beneath = (((described or {}).get(section) or {}).get(name, {}) for described in (file.own(), file.base))
    text = add_entry(file.text, (section, to), copy.deepcopy(merge(beneath, own)))
    if not _lists_layers(scene):
        return text
    places = [index for index, entry in enumerate(scene.stack) if entry["layer"] == name]
    if not places:
        return text
    described = _own_entries(file, scene)[places[-1]] | {"layer": to}
    return _insert_layer(file.with_text(text), scene, places[-1] + 1, described)


def _own_entries(file: SceneFile, scene: Scene) -> list[dict[str, Any]]:
    """The entries of the composite as the file has them, or as they are in effect where it has none."""
    if _is_absent(file.text, LAYERS):
        return [{**entry} for entry in scene.stack]
    return [dict(entry) for entry in file.own()["composite"]["layers"]]


def _insert_layer(file: SceneFile, scene: Scene, index: int, described: Mapping[str, object]) -> str:
    """The text with an entry put into the composite, which is written out first if the file does not give it."""
    text = file.text
    if _is_absent(text, LAYERS):
        text = set_value(text, LAYERS, [dict(entry) for entry in scene.stack])
    return insert_item(text, LAYERS, index, dict(described))


def _remove(file: SceneFile, section: Section, name: str) -> str:
    scene = file.scene()
    if name not in (scene.subjects if section == "subjects" else scene.effects):
        raise StrataError(f"{file.source}: {section} has no {name}.")
    text = file.text
    if _lists_layers(scene) and any(entry["layer"] == name for entry in scene.stack):
        if _is_absent(text, LAYERS):
            text = set_value(text, LAYERS, [dict(entry) for entry in scene.stack])
        while find(compose(text), (*LAYERS, name)) is not None:
            text = remove_entry(text, (*LAYERS, name))
    return _take_away(file.with_text(text), (section, name))


def _rename(file: SceneFile, section: Section, name: str, to: str) -> str:
    _check_own(file, section, name, "rename")
    scene = file.scene()
    _check_free(scene, to)
    text = rename_entry(file.text, (section, name), to)
    while find(compose(text), (*LAYERS, name)) is not None:
        text = set_value(text, (*LAYERS, name, "layer"), to)
    for path in _find_namers(scene, name):
        if path[:2] == (section, name):
            path = (section, to, *path[2:])
        text = set_value(text, path, to)
    return text


NAMERS = (("reference", "layer"), ("style", "layer"), ("control", "of"), ("mask", "layer"), ("mask", "of"))
"""The keys of a pass that name another layer."""


def _find_namers(scene: Scene, layer: str) -> Iterator[tuple[str, ...]]:
    """The keys beside the composite that name a layer."""
    described: Mapping[str, Any] = scene.description
    if described["depth"] and described["depth"]["of"] == layer:
        yield "depth", "of"
    passes: dict[tuple[str, ...], Any] = {(key,): described[key] or {} for key in ("background", "refine")}
    passes |= {(key, name): of for key in ("subjects", "effects") for name, of in described[key].items()}
    for path, of in passes.items():
        for part, key in NAMERS:
            if (of.get(part) or {}).get(key) == layer:
                yield (*path, part, key)


def _restack(file: SceneFile, layer: str, index: int) -> str:
    text = file.text
    scene = file.scene()
    if _is_absent(text, LAYERS):
        text = set_value(text, LAYERS, [dict(entry) for entry in scene.stack])
    if not any(entry["layer"] == layer for entry in scene.stack):
        return insert_item(text, LAYERS, index, {"layer": layer})
    return move_entry(text, (*LAYERS, layer), index)


def _place_among_own(file: SceneFile, index: int) -> int:
    """The place among the file's own subjects of a place among all: those of config.yaml come first."""
    beneath = len((file.base or {}).get("subjects") or {})
    own = list_keys(file.text, ("subjects",))
    return min(max(index - beneath, 0), len(own) - 1)


def _check_own(file: SceneFile, section: Section, name: str, verb: str) -> None:
    if file.base is not None and _holds(file.base, (section, name)):
        raise StrataError(
            f"{file.source} cannot {verb} {name}, which config.yaml describes. Do it there, or give this scene a {name} of its own."
        )
    if name not in list_keys(file.text, (section,)):
        raise StrataError(f"{file.source}: {section} has no {name}.")


def _check_free(scene: Scene, name: str) -> None:
    if name == "background" or name in scene.subjects or name in scene.effects:
        raise StrataError(f"{scene.source}: there is a layer named {name} already. Give another name.")


def _lists_layers(scene: Scene) -> bool:
    return bool(scene.description["composite"]["layers"])


def set_key(text: str, scene: Scene, key: str, value: object, who: str) -> str:
    """The text of a scene's file with a key set. Where it lists no layers, those in effect are listed first.

    Args:
        scene: what the file describes.
        key: a dotted path of the scene, or its end, as in a variation's folder.
        value: plain values.
        who: begins the sentence of the StrataError that another key raises.
    """
    path = find_path(scene.effective(), key, who)
    if path[:2] == LAYERS and _is_absent(text, LAYERS):
        text = set_value(text, LAYERS, [dict(entry) for entry in scene.stack])
    return set_value(text, path, value)


def parse_assignments(texts: Sequence[str]) -> list[tuple[str, object]]:
    """The keys and values of `background.seed=78`, each value read as YAML."""
    parsed = []
    for text in texts:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise StrataError(f"The edit {text!r} must be a key and a value, such as background.seed=78.")
        parsed.append((key.strip(), parse_yaml(value, f"The edit of {key.strip()} has a value that")))
    return parsed
