"""Edits of one value in a YAML file that leave everything else as it is, to the character: comments, quotes, indentation."""

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node

from strata.errors import StrataError
from strata.yaml_nodes import Path, compose, end_of, find_child, find_shared, in_flow, is_null, walk, write_path


def set_value(text: str, path: Path, value: object) -> str:
    """The text of a YAML mapping with the value at a path replaced or added.

    Args:
        path: keys from the top. In a list, an entry goes by its number, or by the value of its key `layer`.
        value: plain values.

    Raises:
        StrataError: the path leads through something that has no keys, or to an alias, which stands in several places.
    """
    root = compose(text)
    if root is None:
        return f"{text.rstrip()}\n{_in_block(_nested(path, value))}\n".lstrip("\n")
    shared = find_shared(root)
    node = root
    for depth, key in enumerate(path):
        where = write_path(path[: depth + 1])
        child = find_child(node, key)
        if child is None:
            if not isinstance(node, MappingNode):
                raise StrataError(f"{where} has no place in the file. Add it by hand.")
            if node.value and not shared.isdisjoint(map(id, walk(node.value[-1][1]))):
                raise StrataError(
                    f"{where} would follow an alias of what stands elsewhere in the file. Add it by hand."
                )
            return _insert(text, node, key, _nested(path[depth + 1 :], value))
        if id(child) in shared:
            raise StrataError(f"{where} is an alias of what stands elsewhere in the file. Edit it by hand.")
        if is_null(child) and depth + 1 < len(path):
            return _replace(text, child, _nested(path[depth + 1 :], value))
        node = child
    if not shared.isdisjoint(map(id, walk(node))):
        raise StrataError(f"{write_path(path)} holds an alias of what stands elsewhere in the file. Edit it by hand.")
    return _replace(text, node, value)


def _insert(text: str, mapping: MappingNode, key: str | int, value: object) -> str:
    """The text with a key added to the end of a mapping."""
    if mapping.flow_style:
        end = end_of(mapping.value[-1][1]) if mapping.value else mapping.end_mark.index - 1
        separator = ", " if mapping.value else ""
        return f"{text[:end]}{separator}{in_flow(key)}: {in_flow(value)}{text[end:]}"
    end = end_of(mapping)
    if not text[:end].endswith("\n"):
        end = len(text) if (newline := text.find("\n", end)) < 0 else newline + 1
    before = text[:end] if text[:end].endswith("\n") else f"{text[:end]}\n"
    indent = " " * mapping.value[0][0].start_mark.column
    return f"{before}{indent}{in_flow(key)}: {in_flow(value)}\n{text[end:]}"


def _replace(text: str, node: Node, value: object) -> str:
    start = node.start_mark.index
    end = start + len(text[start : end_of(node)].rstrip())  # a block scalar's own end lies behind blank lines
    return f"{_open_for(node, text[:start])}{in_flow(value)}{text[end:]}"


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


def _nested(path: Path, value: object) -> object:
    for key in reversed(path):
        value = {key: value}
    return value


def _in_block(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6).strip()
