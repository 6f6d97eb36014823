"""Configs: YAML files, each a mapping. Reading them strictly, and laying one over another."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from strata.errors import StrataError
from strata.files import replacing
from strata.schema import YamlLoader

DEEPEST = 1000
"""A text that has fewer brackets and columns is not nested deep enough to trouble a parser."""

PLAIN = ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge")
"""The kinds of values that a config may hold. A timestamp is refused by the schema, which says what the key takes."""

OCTAL = re.compile(r"[-+]?0[0-9_]+")


def merge(base: object, change: object) -> Any:
    """`base` with `change` laid over it: mappings merge, null takes a key away, anything else replaces."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    result = {key: value for key, value in base.items() if key not in change or change[key] is not None}
    for key, value in change.items():
        if value is not None:
            result[key] = merge(base.get(key), value)
    return result


def check_yaml(path: str) -> str:
    """Returns `path` itself, for `configfile:`. Raises a StrataError if the file cannot be the config of a scene."""
    file = Path(path)
    if not file.is_file():
        raise StrataError(
            f"{path} is missing. It describes the scene: write one, or build in a folder that has one, with --directory."
        )
    if not read_yaml(file):
        raise StrataError(
            f"{path} is empty. Describe a scene in it: it needs `background: {{prompt: ...}}` at the least."
        )
    return path


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; a StrataError names the file and the line if it is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise StrataError(f"{path} is not text in UTF-8 ({error}). Save it as UTF-8.") from None
    except OSError as error:
        raise StrataError(f"{path} cannot be read: {error.strerror or error}.") from None
    content = parse_yaml(text, str(path))
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise StrataError(f"{path} must hold keys and values, but holds {type(content).__name__}. See config.yaml.")
    return content


def parse_yaml(text: str, source: str) -> Any:
    """What a YAML text means, without what YAML reads in a way that nobody expects.

    Refused are keys that stand twice, numbers in octal or sexagesimal notation (010 is 8, 1:30 is 90), anchors that hold
    themselves, values of other types than JSON has, and nesting deeper than any schema.

    Args:
        source: the file, which begins the sentence of a StrataError.
    """
    try:
        if text.count("[") + text.count("{") + max(map(len, text.splitlines()), default=0) > DEEPEST:
            _check_depth(text, source)
        loader = YamlLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check_node(node, source, (), ())
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date, too many digits
        raise StrataError(f"{source} is not YAML: {' '.join(str(error).split())}. Correct the file there.") from None


def _check_depth(text: str, source: str) -> None:
    """Refuses nesting on which the parser itself would fail. Events come one by one, whatever the nesting."""
    depth = 0
    for event in yaml.parse(text, YamlLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST // 2:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise StrataError(f"{source}, line {line}, is nested {depth} deep. No key lies that deep: correct it.")


def _check_node(node: yaml.Node, source: str, path: tuple[str, ...], above: tuple[yaml.Node, ...]) -> None:
    where = f"{source}, line {node.start_mark.line + 1}: {'.'.join(path) or 'the whole file'}"
    if any(node is other for other in above):
        raise StrataError(f"{where} contains itself through an anchor. Write the value out.")
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in PLAIN:
        raise StrataError(
            f"{where} is of the type {kind}, which no key takes. Write text, a number, a list or a mapping."
        )
    if isinstance(node, yaml.ScalarNode):
        if kind == "int" and (OCTAL.fullmatch(node.value) or ":" in node.value):
            raise StrataError(
                f"{where} is {node.value}, which YAML does not read as a decimal number. Leave out leading zeros and colons, or "
                "put it in quotes if it is text."
            )
        if "\0" in node.value:
            raise StrataError(f"{where} holds a zero character, which no value can. Remove it.")
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _check_node(item, source, (*path, str(index)), (*above, node))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            _check_node(key, source, path, (*above, node))
            if not isinstance(key, yaml.ScalarNode):
                raise StrataError(f"{where} has a key that is not text. Write `key: value`.")
            if (kind := key.tag.rpartition(":")[2]) not in ("str", "merge"):
                raise StrataError(f"{where} has the key {key.value!r}, which YAML reads as {kind}. Put it in quotes.")
            line = key.start_mark.line + 1
            if key.value in lines:
                key_path = ".".join((*path, key.value))
                raise StrataError(
                    f"{source}: {key_path} appears twice, on lines {lines[key.value]} and {line}. Remove one of them."
                )
            lines[key.value] = line
            _check_node(value, source, (*path, key.value), (*above, node))


def write_yaml(path: str | Path, content: Mapping[str, Any], head: str) -> None:
    """Writes a mapping as YAML, whole or not at all, below a comment of one line."""
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120)
    with replacing(path) as file:
        file.write(f"# {head}\n{text}".encode())
