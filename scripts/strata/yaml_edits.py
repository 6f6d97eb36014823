"""Edits of one value in a YAML file that leave everything else as it is, to the character: comments, quotes, indentation."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from strata.errors import StrataError


def set_value(text: str, path: Sequence[str], value: object) -> str:
    """The text of a YAML mapping with the value at a path replaced or added.

    Args:
        path: keys from the top. In a list of mappings, an entry goes by the value of its key `layer`.
        value: plain values.

    Raises:
        StrataError: the path leads through something that has no keys, or to an alias, which stands in several places.
    """
    root = yaml.compose(text, yaml.SafeLoader)
    if root is None or _is_null(root):
        return f"{text.rstrip()}\n{_in_block(_nested(path, value))}\n".lstrip("\n")
    shared = _find_shared(root)
    node = root
    for depth, key in enumerate(path):
        where = ".".join(path[: depth + 1])
        child = _find_child(node, key)
        if child is None:
            if not isinstance(node, MappingNode):
                raise StrataError(f"{where} has no place in the file. Add it by hand.")
            if node.value and not shared.isdisjoint(map(id, _walk(node.value[-1][1]))):
                raise StrataError(
                    f"{where} would follow an alias of what stands elsewhere in the file. Add it by hand."
                )
            return _insert(text, node, key, _nested(path[depth + 1 :], value))
        if id(child) in shared:
            raise StrataError(f"{where} is an alias of what stands elsewhere in the file. Edit it by hand.")
        if _is_null(child) and depth + 1 < len(path):
            return _replace(text, child, _nested(path[depth + 1 :], value))
        node = child
    if not shared.isdisjoint(map(id, _walk(node))):
        raise StrataError(f"{'.'.join(path)} holds an alias of what stands elsewhere in the file. Edit it by hand.")
    return _replace(text, node, value)


def _find_shared(root: Node) -> set[int]:
    """The identities of the nodes that stand in several places: those with an anchor and an alias."""
    return {identity for identity, count in Counter(map(id, _walk(root))).items() if count > 1}


def _walk(node: Node) -> Iterator[Node]:
    """A node and all beneath it, each as often as it stands there."""
    yield node
    if isinstance(node, CollectionNode):
        for item in node.value:
            for part in item if isinstance(node, MappingNode) else (item,):
                yield from _walk(part)


def _find_child(node: Node, key: str) -> Node | None:
    if isinstance(node, MappingNode):
        return next((child for name, child in node.value if name.value == key), None)
    if isinstance(node, SequenceNode):
        layers = ((entry, _find_child(entry, "layer")) for entry in node.value)
        return next((entry for entry, name in layers if isinstance(name, ScalarNode) and name.value == key), None)
    return None


def _insert(text: str, mapping: MappingNode, key: str, value: object) -> str:
    """The text with a key added to the end of a mapping."""
    if mapping.flow_style:
        end = _end(mapping.value[-1][1]) if mapping.value else mapping.end_mark.index - 1
        separator = ", " if mapping.value else ""
        return f"{text[:end]}{separator}{_in_flow(key)}: {_in_flow(value)}{text[end:]}"
    end = _end(mapping)
    if not text[:end].endswith("\n"):
        end = len(text) if (newline := text.find("\n", end)) < 0 else newline + 1
    before = text[:end] if text[:end].endswith("\n") else f"{text[:end]}\n"
    indent = " " * mapping.value[0][0].start_mark.column
    return f"{before}{indent}{_in_flow(key)}: {_in_flow(value)}\n{text[end:]}"


def _replace(text: str, node: Node, value: object) -> str:
    start = node.start_mark.index
    end = start + len(text[start : _end(node)].rstrip())  # a block scalar's own end lies behind blank lines
    return f"{_open_for(node, text[:start])}{_in_flow(value)}{text[end:]}"


def _open_for(node: Node, before: str) -> str:
    """The text before a node, so that a value on one line may follow in place of the node.

    A block list may stand in lines of its own, no further to the right than its key.
    """
    if isinstance(node, CollectionNode) and not node.flow_style:
        key = before.rstrip()
        if key.endswith(":") and "#" not in key.rpartition("\n")[2]:
            before = key
        elif not before.rpartition("\n")[2].strip():
            before += "  "
    return f"{before} " if before.endswith(":") else before


def _end(node: Node) -> int:
    """Where a node's own text ends. PyYAML counts the comments and blank lines behind a block collection, too."""
    if not isinstance(node, CollectionNode) or node.flow_style:
        return int(node.end_mark.index)
    if not node.value:
        return int(node.start_mark.index)
    last: Any = node.value[-1]
    return _end(last[1] if isinstance(node, MappingNode) else last)


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def _nested(path: Sequence[str], value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _in_flow(value: object) -> str:
    """A value on one line, as it may stand among others in braces."""
    return yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6).strip()[
        1:-1
    ]


def _in_block(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6).strip()
