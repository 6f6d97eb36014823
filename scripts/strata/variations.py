"""A variation is a folder's name: `background.seed~78,fog.opacity~0.5` is the scene with these two values."""

import copy
import difflib
import re
from collections.abc import Iterator, Mapping

import yaml

from strata.errors import StrataError
from strata.schema import YamlLoader

SIGN = "~"


def varied(description: Mapping, name: str) -> dict:
    """Returns a complete description with the values that a folder's name gives.

    A key is a dotted path of the scene (`subjects.astronaut.seed`; an entry of the composite goes by its layer,
    `composite.layers.fog.opacity`), or the end of one where only one ends so (`astronaut.seed`, `fog.opacity`). A value is
    read as YAML. Neither can hold a slash.

    Raises:
        StrataError: the name has another form, or a key of it is no key of the scene, or the end of several.
    """
    description = copy.deepcopy(dict(description))
    places = dict(_leaves(description, ()))
    for key, value in assignments(name):
        path = full_path(description, key, f"The folder {name}")
        places[path][path[-1]] = value
    return description


def assignments(name: str) -> Iterator[tuple[str, object]]:
    """The keys and values in a folder's name. A comma ends a value only where another key follows."""
    for part in re.split(rf",(?=[\w.-]+{SIGN})", name):
        key, sign, text = part.partition(SIGN)
        if not sign or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
            raise StrataError(
                f"The folder {name} names no variation: it must be keys and values such as "
                f"background.seed{SIGN}78,fog.opacity{SIGN}0.5."
            )
        try:
            yield key, yaml.load(text, YamlLoader)
        except yaml.YAMLError:
            raise StrataError(f"The folder {name} gives {key} the value {text!r}, which is not YAML.") from None


def full_path(description: Mapping, key: str, who: str) -> tuple[str, ...]:
    """The path of a key in a complete description; `layers` is followed by a layer's name.

    Args:
        key: a dotted path, or its end.
        who: begins the sentence of the StrataError that another key raises.
    """
    places = dict(_leaves(description, ()))
    wanted = tuple(key.split("."))
    if wanted in places:
        return wanted
    ends = [path for path in places if path[-len(wanted) :] == wanted]
    if len(ends) == 1:
        return ends[0]
    if ends:
        listed = ", ".join(sorted(".".join(path) for path in ends)[:6])
        raise StrataError(f"{who} sets {key}, which may be any of {listed}. Write out more of it.")
    known = sorted({".".join(path[-count:]) for path in places for count in (2, len(path))})
    close = ", ".join(difflib.get_close_matches(key, known, n=3)) or "background.seed"
    raise StrataError(f"{who} sets {key}, which is no key of the scene. Close to it: {close}.")


def _leaves(mapping: Mapping, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping]]:
    """Each key's path that holds a value, and the mapping that it is in."""
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, key))
        elif key == "layers":
            for entry in value:
                yield from _leaves(entry, (*path, key, entry["layer"]))
        else:
            yield (*path, key), mapping
