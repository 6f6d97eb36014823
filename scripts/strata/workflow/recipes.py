"""Recipes: what a layer was made from, and the layer that came out, over all builds.

A record tells about the layer that is there now. A recipe is remembered when its layer is long replaced, so that a plan knows
ahead which layer an edit will give that takes another one back, and that the passes on top of it will come from the store.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from strata.files import append_line, forget_old_lines
from strata.scene.paths import SECTIONS
from strata.seals import UNKEYED
from strata.state import RECIPES

MOST_BYTES = 20_000_000
"""Beyond this the older half is forgotten."""


class Result(NamedTuple):
    """The layer that a recipe gave: the digest of its file, and the key of its pass in the store, if a model painted it."""

    digest: str
    key: str | None


def digest_recipe(spec: Mapping[str, Any], inputs: Iterable[tuple[str, str]]) -> str:
    """The digest of a recipe.

    Args:
        spec: what the layer's rule knows about it.
        inputs: the path and the digest of each file that its job reads. In which folder a layer lies does not count.
    """
    spec = {key: value for key, value in spec.items() if key != "where"}  # it is for sentences
    read = sorted((_name_within_scene(path), digest) for path, digest in inputs)
    return hashlib.sha256(json.dumps([spec, read]).encode()).hexdigest()


def _name_within_scene(path: str) -> str:
    """`subjects/rover.png` of any folder. Files of the user's have no such names, or may as well share them."""
    *_, folder, name = ("", *Path(path).parts)
    return f"{folder}/{name}" if folder in SECTIONS else name


def remember(recipe: str, layer: str, key: str | None) -> None:
    """Writes down which layer a recipe gave; where that cannot be, plans know less, and nothing else happens.

    Args:
        layer: the digest of its file.
        key: of its seal.
    """
    with suppress(OSError):
        append_line(RECIPES, json.dumps([recipe, layer, None if key == UNKEYED else key]))


def read() -> dict[str, Result]:
    """The layer that each recipe gave last."""
    try:
        lines = RECIPES.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        with suppress(ValueError, TypeError, RecursionError):  # the last one may be half-written
            recipe, digest, key = json.loads(line)
            if isinstance(recipe, str) and isinstance(digest, str) and isinstance(key, str | None):
                found[recipe] = Result(digest, key)
    return found


def forget_old() -> None:
    """Drops the older half of what has grown too long."""
    forget_old_lines(RECIPES, MOST_BYTES)
