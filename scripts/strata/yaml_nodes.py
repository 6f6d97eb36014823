"""Where things stand in the text of a YAML file: what its edits need to leave the rest as it is."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from strata.schema import YamlLoader

Path = Sequence[str | int]
"""Keys from the top. In a list an entry goes by its number, or by the value of its key `layer`."""


def find_shared(root: Node) -> set[int]:
    """The identities of the nodes that stand in several places: those with an anchor and an alias."""
    return {identity for identity, count in Counter(map(id, walk(root))).items() if count > 1}


def walk(node: Node) -> Iterator[Node]:
    """A node and all beneath it, each as often as it stands there."""
    yield node
    if isinstance(node, CollectionNode):
        for item in node.value:
            for part in item if isinstance(node, MappingNode) else (item,):
                yield from walk(part)


def find_child(node: Node, key: str | int) -> Node | None:
    """What stands for a key of a mapping, or for an entry of a list; None if there is no such thing."""
    if isinstance(node, MappingNode):
        return next((child for name, child in node.value if name.value == key), None)
    if isinstance(node, SequenceNode):
        if isinstance(key, int):
            return node.value[key] if 0 <= key < len(node.value) else None
        layers = ((entry, find_child(entry, "layer")) for entry in node.value)
        return next((entry for entry, name in layers if isinstance(name, ScalarNode) and name.value == key), None)
    return None


def find(root: Node | None, path: Path) -> Node | None:
    """What stands at a path; None if nothing does."""
    node = root
    for key in path:
        node = None if node is None else find_child(node, key)
    return node


def end_of(node: Node) -> int:
    """Where a node's own text ends. PyYAML counts the comments and blank lines behind a block collection, too."""
    if not isinstance(node, CollectionNode) or node.flow_style:
        return int(node.end_mark.index)
    if not node.value:
        return int(node.start_mark.index)
    last: Any = node.value[-1]
    return end_of(last[1] if isinstance(node, MappingNode) else last)


def is_null(node: Node) -> bool:
    """Whether a node is a null, written out or not."""
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def in_flow(value: object) -> str:
    """A value on one line, as it may stand among others in braces."""
    return yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6).strip()[
        1:-1
    ]


def compose(text: str) -> Node | None:
    """The nodes of a text that is known to be YAML; None for an empty one."""
    # libyaml is ten times as fast, and does not count the mark at the begin of some files.
    loader = yaml.SafeLoader if text.startswith("\ufeff") else YamlLoader
    root: Node | None = yaml.compose(text, loader)
    return None if root is None or is_null(root) else root


def write_path(path: Path) -> str:
    """A path as people write it."""
    return ".".join(map(str, path))
