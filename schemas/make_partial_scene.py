"""Writes partial-scene.schema.yaml, for the files in scenes/ and models/, which hold only what differs from another scene.

Such a file is laid over a scene: mappings merge, null takes a key away, and anything else replaces what was there. So its schema
is that of a scene, except that no key of a mapping is required, and that a key may be null where a scene can do without it.
What stays the same is not copied, but referred to in scene.schema.yaml.

    python schemas/make_partial_scene.py            writes the file
    python schemas/make_partial_scene.py --check    exits with 1 if the file is out of step
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from generated import write_or_check

SCHEMAS = Path(__file__).resolve().parent
SCENE = "scene.schema.yaml"
TARGET = SCHEMAS / "partial-scene.schema.yaml"

HEAD = f"# Made from {SCENE} by schemas/make_partial_scene.py. Edit that one, and run this.\n"
TITLE = "Part of a Strata scene"
DESCRIPTION = (
    "A file that holds only what differs: a scene in scenes/, or a preset in models/. Mappings merge with those of the scene "
    "beneath, lists replace theirs, and null takes a key away."
)

Node = dict[str, Any]
"""A schema, or a part of one."""


class Relaxation:
    """The definitions that a relaxed schema needs, collected while it is made.

    Args:
        scene: the schema of a complete scene.
    """

    def __init__(self, scene: Mapping[str, Any]):
        self._scene = scene
        self.definitions: dict[str, Node] = {}

    def relax(self, node: Node, pointer: str, nullable: bool) -> Node:
        """The schema of what is merged into a value that `node` describes; a reference to `node` if it is the same.

        Args:
            pointer: where `node` is in the schema of a scene.
            nullable: whether the key may be null, which takes it away.
        """
        if name := _find_definition(node):
            return self._relax_reference(node, name, nullable)
        relaxed = _allow_null(node) if nullable else dict(node)
        required = relaxed.pop("required", ())
        if "properties" in node:
            relaxed["properties"] = {
                key: self.relax(value, f"{pointer}/properties/{key}", nullable=key not in required)
                for key, value in node["properties"].items()
            }
        if isinstance(node.get("additionalProperties"), Mapping):
            others = f"{pointer}/additionalProperties"
            relaxed["additionalProperties"] = self.relax(node["additionalProperties"], others, nullable=True)
        return {"$ref": f"{SCENE}#{pointer}"} if relaxed == node else _tidy(_refer_to_scene(relaxed))

    def _relax_reference(self, node: Node, name: str, nullable: bool) -> Node:
        pointer = f"/definitions/{name}"
        relaxed = self.relax(self._scene["definitions"][name], pointer, nullable)
        if "$ref" in relaxed:
            return {**_tidy(node), **relaxed}
        if self.definitions.setdefault(name, relaxed) != relaxed:
            raise ValueError(
                f"{name} is required in one mapping and not in another: give each a definition of its own."
            )
        return _tidy(node)


def make_partial_scene(scene: Mapping[str, Any]) -> Node:
    """The schema of a file that is laid over a scene."""
    relaxation = Relaxation(scene)
    root = {key: value for key, value in scene.items() if key != "definitions"}
    relaxed = relaxation.relax(root, "", nullable=False) | {"title": TITLE, "description": DESCRIPTION}
    return {**relaxed, "definitions": relaxation.definitions}


def render() -> str:
    """The text of the file."""
    scene = yaml.safe_load((SCHEMAS / SCENE).read_text(encoding="utf-8"))
    partial = make_partial_scene(scene)
    yaml.SafeDumper.ignore_aliases = lambda *_: True
    return HEAD + yaml.safe_dump(partial, sort_keys=False, width=120, default_flow_style=None)


def _find_definition(node: Node) -> str | None:
    """The name of the definition that a node refers to, by itself or by an `allOf` of one."""
    references = [node, *node.get("allOf", ())]
    return next((part["$ref"].rpartition("/")[2] for part in references if "$ref" in part), None)


def _allow_null(node: Node) -> Node:
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    widened = dict(node)
    if kinds and "null" not in kinds:
        widened["type"] = [*kinds, "null"]
    if "enum" in node and None not in node["enum"]:
        widened["enum"] = [*node["enum"], None]
    return widened


def _refer_to_scene(node: Node) -> Node:
    """A node whose list entries and names are described in the schema of a scene: lists replace, and do not merge."""
    described = {key: node[key] for key in ("items", "propertyNames") if "$ref" in node.get(key, {})}
    return node | {key: {"$ref": f"{SCENE}{value['$ref']}"} for key, value in described.items()}


def _tidy(node: Node) -> Node:
    """A node with its description on one line, and without its default: a key that is left out keeps the value beneath."""
    tidied = {key: value for key, value in node.items() if key != "default"}
    if "description" in node:
        tidied["description"] = " ".join(node["description"].split())
    return tidied


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, render(), sys.argv))
