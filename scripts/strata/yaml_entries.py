"""Edits of whole entries in a YAML file: added, removed, renamed, moved. Everything else stays, to the character.

An entry is a key of a mapping with its value, or an item of a list. In a block, the comment lines right above an entry move with
it; those above one that is removed stay, since nobody asked to lose them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

from strata.errors import StrataError
from strata.yaml_edits import set_value
from strata.yaml_nodes import Path, compose, end_of, find, find_shared, in_flow, walk, write_path

WIDEST = 100
"""Characters of a line beyond which a new entry is laid out in lines of its own."""


def add_entry(text: str, path: Path, value: object) -> str:
    """The text with an entry added to the end of a mapping, laid out in lines as people write it.

    Args:
        path: leads to the new key.
        value: plain values.

    Raises:
        StrataError: the key is there, or its place is an alias.
    """
    if find(compose(text), path) is not None:
        raise StrataError(f"{write_path(path)} is there already. Give another name.")
    above = find(compose(text), path[:-1])
    if above is None and len(path) > 1:
        return add_entry(text, path[:-1], {path[-1]: value})
    if not isinstance(above, MappingNode) or above.flow_style or not above.value:
        return set_value(text, path, value)
    marked = set_value(text, path, None)
    node = find(compose(marked), path)
    assert node is not None
    line_start = marked.rfind("\n", 0, node.start_mark.index) + 1
    indent = len(marked[line_start:]) - len(marked[line_start:].lstrip(" "))
    laid_out = "".join(f"{line}\n" for line in _lay_out(str(path[-1]), value, indent))
    line_end = marked.find("\n", node.start_mark.index) + 1
    return f"{marked[:line_start]}{laid_out}{marked[line_end:]}"


def _lay_out(key: str, value: object, indent: int) -> Iterator[str]:
    """The lines of an entry: mappings in lines of their own where one line would be long, or hold other mappings."""
    start = f"{' ' * indent}{in_flow(key)}:"
    line = f"{start} {in_flow(value)}"
    nested = isinstance(value, dict) and any(isinstance(item, dict) for item in value.values())
    if not isinstance(value, dict) or not value or (len(line) <= WIDEST and not nested):
        yield line
        return
    yield start
    for name, item in value.items():
        yield from _lay_out(str(name), item, indent + 2)


def insert_item(text: str, path: Path, index: int, value: object) -> str:
    """The text with an item put into a list that is there and not empty, before the item of that number, or at the end."""
    sequence = _find_collection(text, path)
    assert isinstance(sequence, SequenceNode) and sequence.value
    spans = list(_list_spans(text, sequence))
    index = min(index, len(spans))
    if sequence.flow_style:
        if index < len(spans):
            start = spans[index].start
            return f"{text[:start]}{in_flow(value)}, {text[start:]}"
        end = spans[-1].end
        return f"{text[:end]}, {in_flow(value)}{text[end:]}"
    indent = " " * spans[0].column
    place = spans[index].start if index < len(spans) else spans[-1].end
    before = text[:place] if text[:place].endswith("\n") or not place else f"{text[:place]}\n"
    return f"{before}{indent}- {in_flow(value)}\n{text[place:]}"


def remove_entry(text: str, path: Path) -> str:
    """The text without an entry. The last one of its mapping or list leaves an empty one behind.

    Raises:
        StrataError: there is no such entry, or others refer to it by an alias.
    """
    above = _find_collection(text, path[:-1])
    spans = list(_list_spans(text, above))
    index = _find_index(above, path)
    _check_alone(text, path)
    span = spans[index]
    if len(spans) == 1:
        if above.flow_style or not path[:-1]:
            return set_value(text, path[:-1], {} if isinstance(above, MappingNode) else []) if path[:-1] else "{}\n"
        empty = "{}" if isinstance(above, MappingNode) else "[]"
        rest = f"{text[: span.own_start]}{text[span.own_end :]}"
        colon = text.rfind(":", 0, _key_end(text, above))
        return f"{rest[: colon + 1]} {empty}{rest[colon + 1 :]}"
    if above.flow_style:
        if index + 1 < len(spans):
            return text[: span.start] + text[spans[index + 1].start :]
        return text[: spans[index - 1].end] + text[span.end :]
    return text[: span.own_start] + text[span.own_end :]


def rename_entry(text: str, path: Path, name: str) -> str:
    """The text with another key for what stands at a path.

    Raises:
        StrataError: there is no such key, or the new one is there already.
    """
    above = _find_collection(text, path[:-1])
    if any(key.value == name for key, _ in above.value):
        raise StrataError(f"{write_path([*path[:-1], name])} is there already. Give another name.")
    key = above.value[_find_index(above, path)][0]
    return f"{text[: key.start_mark.index]}{in_flow(name)}{text[key.end_mark.index :]}"


def move_entry(text: str, path: Path, index: int) -> str:
    """The text with an entry moved to another place among its siblings.

    Args:
        index: its number afterwards, from 0.
    """
    above = _find_collection(text, path[:-1])
    _check_alone(text, path[:-1])
    spans = list(_list_spans(text, above))
    order = list(range(len(spans)))
    order.insert(index, order.pop(_find_index(above, path)))
    if not above.flow_style and not text.endswith("\n"):
        return move_entry(f"{text}\n", path, index)
    pieces, place = [], spans[0].start
    for slot, moved in zip(spans, order, strict=True):
        pieces += [text[place : slot.start], text[spans[moved].start : spans[moved].end]]
        place = slot.end
    return f"{text[: spans[0].start]}{''.join(pieces)}{text[place:]}"


def list_keys(text: str, path: Path) -> list[str]:
    """The keys of the mapping at a path, in the order in which they stand; none if there is no mapping."""
    node = find(compose(text), path)
    return [key.value for key, _ in node.value] if isinstance(node, MappingNode) else []


@dataclass(frozen=True)
class _Span:
    """Where an entry stands, as indices of the text.

    Attributes:
        start, end: all of it; in a block whole lines, with the comment lines right above and those indented below.
        own_start: where its own lines begin, below the comments above it.
        own_end: where they end, with the comments that are indented below them.
        column: of its first character.
    """

    start: int
    own_start: int
    own_end: int
    end: int
    column: int


def _list_spans(text: str, above: CollectionNode) -> Iterator[_Span]:
    parts = _parts(above)
    if above.flow_style:
        for first, last in parts:
            start, end = int(first.start_mark.index), end_of(last)
            yield _Span(start, start, end, end, int(first.start_mark.column))
        return
    lines = text.splitlines(keepends=True)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line))
    begun = [int(first.start_mark.line) for first, _ in parts]
    for first, _ in parts:
        lead = lines[first.start_mark.line][: first.start_mark.column]
        if lead.strip(" -") or (isinstance(above, MappingNode) and lead.strip()):
            raise StrataError(f"Line {first.start_mark.line + 1} holds more than one entry. Edit it by hand.")
    column = _indent(lines[begun[0]])
    ends = [_last_line(text, last, offsets) + 1 for _, last in parts]
    limits = [*begun[1:], len(lines)]
    own_ends = [_take_indented(lines, end, limit, column) for end, limit in zip(ends, limits, strict=True)]
    starts: list[int] = []
    for index, top in enumerate(begun):
        lowest = own_ends[index - 1] if index else text[: _key_end(text, above)].count("\n") + 1
        while top > lowest and lines[top - 1].strip().startswith("#") and _indent(lines[top - 1]) == column:
            top -= 1
        starts.append(top)
    for start, own_start, own_end, end in zip(starts, begun, own_ends, [*starts[1:], own_ends[-1]], strict=True):
        yield _Span(offsets[start], offsets[own_start], offsets[own_end], offsets[end], column)


def _take_indented(lines: Sequence[str], end: int, limit: int, column: int) -> int:
    """The line behind the comments below an entry that are indented as what is in it."""
    taken = end
    for line in range(end, limit):
        if not lines[line].strip():
            continue
        if not lines[line].strip().startswith("#") or _indent(lines[line]) <= column:
            break
        taken = line + 1
    return taken


def _last_line(text: str, node: Node, offsets: Sequence[int]) -> int:
    """The number of the line in which a node's own text ends."""
    end = int(node.start_mark.index) + len(text[node.start_mark.index : end_of(node)].rstrip())
    return next(line for line in range(len(offsets) - 1) if offsets[line + 1] >= max(end, 1))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _parts(above: CollectionNode) -> list[tuple[Node, Node]]:
    """The first and the last node of each entry."""
    return list(above.value) if isinstance(above, MappingNode) else [(item, item) for item in above.value]


def _find_collection(text: str, path: Path) -> Any:
    node = find(compose(text), path)
    if not isinstance(node, CollectionNode):
        raise StrataError(f"{write_path(path)} holds no entries in the file. Add them by hand.")
    return node


def _find_index(above: CollectionNode, path: Path) -> int:
    for index, (first, _) in enumerate(_parts(above)):
        if isinstance(above, MappingNode):
            if first.value == path[-1]:
                return index
        elif index == path[-1] or getattr(find(first, ["layer"]), "value", None) == path[-1]:
            return index
    raise StrataError(f"{write_path(path)} is not in the file.")


def _key_end(text: str, above: CollectionNode) -> int:
    """Where the text before a block collection ends, without the comments and blank lines between."""
    lines = text[: above.start_mark.index].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].strip().startswith("#")):
        lines.pop()
    if lines and (comment := lines[-1].find(" #")) >= 0:
        lines[-1] = lines[-1][:comment]
    return len("".join(lines))


def _check_alone(text: str, path: Path) -> None:
    """Refuses to touch what holds an anchor with an alias, or an alias: the other place would change its meaning."""
    root = compose(text)
    node = find(root, path)
    if root is not None and node is not None and not find_shared(root).isdisjoint(map(id, walk(node))):
        raise StrataError(f"{write_path(path)} holds an alias of what stands elsewhere in the file. Edit it by hand.")
