"""Where things stand in a YAML file is what PyYAML's own parser says, whichever parser is used."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yaml.nodes import CollectionNode, Node

from helpers.studio import SCENE
from strata import yaml_nodes
from strata.installation import WORKFLOW

FILES = [WORKFLOW / "config.yaml", WORKFLOW / "docs/every-key.yaml", *sorted(WORKFLOW.glob("models/*.yaml"))]

TEXTS = [
    SCENE,
    SCENE.replace("\n", "\r\n"),
    f"\ufeff{SCENE}",
    'a: ☂ ünï\nb: {c: "x☂", d: [1, 2]}  # é\ne:\n  - 1\n\n\n# end\n',
    "a: 😀 x\nb: [😀, 2]\n😀: {layer: y} # c\n",
    "a: |\n  text\n  more\n\nb: 'q'\nc:\n\nd: >-\n  fold\n",
    "a: {b: 1,\n  c: [1,\n 2]}\nd: \n  e: 1\n",
    "? a\n: b\n",
    'a: "☂\\\n  x"\n',
    "a: &b [1, 2]\nc: *b\n",
    "a: !!str 1\nb: ~\nc: {}\nd: []\n",
]


def marks(root: Node | None) -> list[tuple[object, ...]]:
    """Each node with where it begins and ends."""
    nodes = yaml_nodes.walk(root) if root is not None else ()
    return [
        (node.tag, isinstance(node, CollectionNode) or node.value, *map(place, (node.start_mark, node.end_mark)))
        for node in nodes
    ]


def place(mark: yaml.Mark) -> tuple[int, int, int]:
    return mark.index, mark.line, mark.column


def check(text: str) -> None:
    assert marks(yaml_nodes.compose(text)) == marks(yaml.compose(text, yaml.SafeLoader))


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_marked_alike(text):
    check(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_marked_alike(path: Path):
    check(path.read_text())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc é☂😀", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcé☂😀", min_size=1, max_size=4), VALUES, min_size=1, max_size=4), st.booleans())
def test_whatever_can_be_written_is_marked_alike(config, in_flow):
    check(yaml.safe_dump(config, allow_unicode=True, default_flow_style=in_flow))
