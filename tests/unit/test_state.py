"""The state of a working directory: all of it under one folder, which one module names."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from helpers.working_folder import ROOT
from strata import state
from strata.installation import LIBRARY, SCHEMAS, SCRIPTS

PATHS = {name: value for name, value in vars(state).items() if isinstance(value, Path)}


def find_texts(source: Path) -> list[str]:
    """The texts in a Python file that are more than remarks."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    remarks = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in remarks)
    return [node.value for node in constants if isinstance(node.value, str)]


@pytest.mark.parametrize("name", PATHS)
def test_every_path_lies_in_the_folder_of_the_state(name):
    assert not PATHS[name].is_absolute()
    assert PATHS[name] == state.FOLDER or state.FOLDER in PATHS[name].parents


def test_no_path_is_that_of_another_thing():
    assert len(set(PATHS.values())) == len(PATHS)


@pytest.mark.parametrize("name", PATHS)
def test_every_path_is_used(name):
    others = [path for path in LIBRARY.rglob("*.py") if path != LIBRARY / "state.py"]
    assert any(re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")) for path in others)


def test_no_other_module_names_the_folder():
    sources = [*LIBRARY.rglob("*.py"), *SCRIPTS.glob("*.py")]
    naming = [path for path in sources if any(str(state.FOLDER) in text.split("/") for text in find_texts(path))]
    assert naming == [LIBRARY / "state.py"]
    assert str(state.FOLDER) not in (ROOT / "Snakefile").read_text(encoding="utf-8")


def test_the_store_lies_there_unless_the_config_says_otherwise():
    """The one path that people may set. Its default is in the schema."""
    schema = yaml.safe_load((SCHEMAS / "runtime.schema.yaml").read_text(encoding="utf-8"))
    folder = schema["properties"]["store"]["properties"]["folder"]["default"]
    assert state.FOLDER in Path(folder).parents
    assert Path(folder) not in PATHS.values()
