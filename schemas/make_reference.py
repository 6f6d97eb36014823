"""Writes docs/reference.md, the reference of all keys, from the schemas.

python schemas/make_reference.py            writes the page
python schemas/make_reference.py --check    exits with 1 if the page is out of step
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from generated import write_or_check

SCHEMAS = Path(__file__).resolve().parent
TARGET = SCHEMAS.parent / "docs/reference.md"

HEAD = """\
<!-- Made from the schemas by schemas/make_reference.py. Edit those, and run this. -->

# Reference

Every key of `config.yaml`, with its type, default and limits. Files in `scenes/` and `models/` hold the same keys, but
`runtime` and `sweeps`, and only those that differ. An unknown key is an error. [every-key.yaml](every-key.yaml) is one config
that uses all of them.
"""

SECTIONS = (
    ("scene", "", "The scene"),
    ("runtime", "runtime", "How jobs run"),
    ("sweeps", "sweeps", "Sweeps"),
)
"""The schemas: their file, the key of the config that they describe, and the title of their section."""

NAMES = {"": "<name>", "subjects": "<subject>", "effects": "<effect>", "sweeps": "<sweep>", "keys": "<key>"}
"""What stands for the keys that people choose, by the mapping that holds them."""

LIMITS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "above {}"),
    ("maximum", "at most {}"),
    ("pattern", "of the form `{}`"),
)

Node = Mapping[str, Any]
"""A schema, or a part of one."""

Table = tuple[str, str, list[tuple[str, Node, bool]]]
"""The path of a mapping, its description, and its keys: each with its schema and whether it has to be given."""


class Reference:
    """The tables of one schema: one for each mapping in it.

    A definition that several places refer to (a model, a LoRA) gets a table where it first occurs, and later places name that.
    """

    def __init__(self, document: Node):
        self._document = document
        self._described: dict[str, str] = {}

    def tables(self, node: Node, path: str) -> Iterator[Table]:
        """The table of a mapping, and of those below it, depth first."""
        node, name = self._resolve(node)
        if name and name in self._described:
            return
        if name:
            self._described[name] = path
        required = node.get("required", ())
        keys = [(key, value, key in required) for key, value in node.get("properties", {}).items()]
        keys += _keys_of_kinds(node)
        if keys:
            yield path, _in_one_line(node), keys
        for key, value, _ in keys:
            yield from self._below(value, f"{path}.{key}".lstrip("."))
        if isinstance(node.get("additionalProperties"), Mapping):
            placeholder = NAMES.get(path.rpartition(".")[2], "<name>")
            yield from self._below(node["additionalProperties"], f"{path}.{placeholder}".lstrip("."))

    def _below(self, node: Node, path: str) -> Iterator[Table]:
        resolved, _ = self._resolve(node)
        if "items" in resolved:
            yield from self.tables(resolved["items"], f"{path}[]")
        else:
            yield from self.tables(node, path)

    def row(self, key: str, node: Node, required: bool, path: str) -> str:
        """A key's row in the table of its mapping."""
        resolved, name = self._resolve(node)
        described = {**resolved, **node}
        default = "required" if required else f"`{json.dumps(described['default'])}`" if "default" in described else ""
        remarks = [_in_one_line(described), *_limits(resolved)]
        if "kinds" in node:
            remarks.insert(0, f"Of {', '.join(f'`{kind}`' for kind in node['kinds'])}.")
        of_entries, entries = self._resolve(resolved.get("items", {}))
        table = self._described.get(name) or self._described.get(entries)
        has_keys = "properties" in resolved or "properties" in of_entries
        if has_keys and table and not table.startswith(f"{path}.{key}".lstrip(".")):
            remarks.append(f"Its keys are those of `{table}`.")
        text = " ".join(_sentence(remark) for remark in remarks if remark)
        return f"| `{key}` | {_kind(resolved)} | {default} | {text} |".replace("<", "\\<")

    def _resolve(self, node: Node) -> tuple[Node, str]:
        """A node with its `$ref` followed, and the name of the definition."""
        references = [node, *(part for part in node.get("allOf", ()) if "$ref" in part)]
        reference = next((part["$ref"] for part in references if "$ref" in part), None)
        if reference is None:
            return node, ""
        name = reference.rpartition("/")[2]
        return self._document["definitions"][name], name


def render() -> str:
    """The text of the page."""
    return "\n".join([HEAD, *(line for section in SECTIONS for line in _section(*section))])


def _section(file: str, key: str, title: str) -> Iterator[str]:
    document = yaml.safe_load((SCHEMAS / f"{file}.schema.yaml").read_text(encoding="utf-8"))
    reference = Reference(document)
    tables = list(reference.tables(document, key))
    yield f"## {title}\n"
    if tables[0][0] != key:
        yield f"{_in_one_line(document)}\n".replace("<", "\\<")
    for path, description, keys in tables:
        if path:
            yield f"### `{path}`\n"
        yield f"{description}\n".replace("<", "\\<")
        yield "| key | type | default | |\n| --- | --- | --- | --- |"
        yield from (reference.row(name, node, required, path) for name, node, required in keys)
        yield ""


def _keys_of_kinds(node: Node) -> list[tuple[str, Node, bool]]:
    """The keys that depend on a mapping's kind, each once for all kinds that describe it in the same way."""
    kinds: dict[tuple[str, str, bool], list[str]] = {}
    nodes = {}
    for choice in node.get("allOf", ()):
        if "then" not in choice:
            continue
        (condition,) = choice["if"]["properties"].values()
        required = choice["then"].get("required", ())
        for key, value in choice["then"]["properties"].items():
            if value:
                identity = key, json.dumps(value, sort_keys=True), key in required
                kinds.setdefault(identity, []).extend(condition["enum"])
                nodes[identity] = value
    return [
        (key, nodes[key, identity, required] | {"kinds": of_kinds}, required)
        for (key, identity, required), of_kinds in kinds.items()
    ]


def _kind(node: Node) -> str:
    if "enum" in node:
        return " \\| ".join(f"`{value}`" for value in node["enum"])
    kinds = node.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else sorted(kinds, key=lambda kind: kind == "null")
    return " or ".join(kinds)


def _limits(node: Node) -> list[str]:
    words = [text.format(str(node[key]).replace("|", "\\|")) for key, text in LIMITS if key in node]
    text = ", ".join(words)
    return [text[0].upper() + text[1:]] if text else []


def _sentence(text: str) -> str:
    return text if text.endswith((".", ")")) else f"{text}."


def _in_one_line(node: Node) -> str:
    return " ".join(str(node.get("description", "")).split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(write_or_check(TARGET, render(), sys.argv))
