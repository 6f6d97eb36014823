"""Edits of a scene's file: one key set, and everything else as it was, to the character."""

from collections.abc import Sequence

import yaml

from strata.errors import StrataError
from strata.scene.scene import Scene
from strata.scene.variations import find_path
from strata.yaml_edits import set_value
from strata.yaml_files import parse_yaml


def set_key(text: str, scene: Scene, key: str, value: object, who: str) -> str:
    """The text of a scene's file with a key set. Where it lists no layers, those in effect are listed first.

    Args:
        scene: what the file describes.
        key: a dotted path of the scene, or its end, as in a variation's folder.
        value: plain values.
        who: begins the sentence of the StrataError that another key raises.
    """
    path = find_path(scene.effective(), key, who)
    if path[:2] == ("composite", "layers") and not _lists_layers(text):
        text = set_value(text, path[:2], [dict(entry) for entry in scene.stack])
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


def _lists_layers(text: str) -> bool:
    composite = (yaml.safe_load(text) or {}).get("composite") or {}
    return bool(composite.get("layers"))
