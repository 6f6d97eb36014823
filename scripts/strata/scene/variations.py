"""A variation is a folder's name: `background.seed~78,fog.opacity~0.5` is the scene with these two values."""

import copy
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, cast

from strata.errors import StrataError
from strata.yaml_files import parse_yaml

SIGN = "~"


def vary(description: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Returns a complete description with the values that a folder's name gives.

    A key is a dotted path of the scene (`subjects.astronaut.seed`; an entry of the composite goes by its layer,
    `composite.layers.fog.opacity`), or the end of one where only one ends so (`astronaut.seed`, `fog.opacity`). A value is
    read as YAML. Neither can hold a slash.

    Raises:
        StrataError: the name has another form, or a key of it is no key of the scene, or the end of several, or given twice.
    """
    varied = copy.deepcopy(dict(description))
    given: dict[tuple[str, ...], str] = {}
    for key, value in assignments(name):
        path = find_path(varied, key, f"The folder {name}")
        if path in given:
            raise StrataError(
                f"The folder {name} sets {'.'.join(path)} twice, as {given[path]} and {key}. Take one out."
            )
        given[path] = key
        mappings = dict(_leaves(varied, ()))  # anew: the value before may be a mapping that holds this key
        mappings[path][path[-1]] = value
    return varied


def assignments(name: str) -> Iterator[tuple[str, object]]:
    """The keys and values in a folder's name."""
    for part in split_name(name):
        key, sign, text = part.partition(SIGN)
        if not sign or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
            raise StrataError(
                f"The folder {name} names no variation: it must be keys and values such as "
                f"background.seed{SIGN}78,fog.opacity{SIGN}0.5."
            )
        yield key, parse_yaml(text, f"The folder {name} gives {key} a value that")


def split_name(name: str) -> list[str]:
    """The parts of a folder's name, a key and its value each. A comma ends a value only where another key follows."""
    return re.split(rf",(?=[\w.-]+{SIGN})", name)


def find_path(description: Mapping[str, Any], key: str, who: str) -> tuple[str, ...]:
    """The path of a key in a complete description; `layers` is followed by a layer's name.

    Args:
        key: a dotted path, or its end.
        who: begins the sentence of the StrataError that another key raises.
    """
    known_paths = Counter(path for path, _ in _leaves(description, ()))
    wanted = tuple(key.split("."))
    ends = [wanted] if wanted in known_paths else [path for path in known_paths if path[-len(wanted) :] == wanted]
    if len(ends) == 1:
        if known_paths[ends[0]] > 1:
            raise StrataError(
                f"{who} sets {key}, but the composite lists {ends[0][2]} {known_paths[ends[0]]} times, and a key cannot say which is "
                "meant. Write the value into the file."
            )
        return ends[0]
    if ends:
        listed = ", ".join(sorted(".".join(path) for path in ends)[:6])
        raise StrataError(f"{who} sets {key}, which may be any of {listed}. Write out more of it.")
    known = sorted({".".join(path[-count:]) for path in known_paths for count in (2, len(path))})
    close = ", ".join(difflib.get_close_matches(key, known, n=3)) or "background.seed"
    raise StrataError(f"{who} sets {key}, which is no key of the scene. Close to it: {close}.")


def _leaves(mapping: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Each key's path that holds a value, and the mapping that it is in."""
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        elif key == "layers":
            for entry in value:
                yield from _leaves(entry, (*path, key, entry["layer"]))
        else:
            yield (*path, key), cast(dict[str, Any], mapping)
