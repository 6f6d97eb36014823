"""What an editor knows of a config or a scene: each file names its schema, fits it, and a misspelt key does not."""

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7

from helpers.working_folder import ROOT

HEADER = "# yaml-language-server: $schema="
FILES = ["config.yaml", "docs/every-key.yaml"]
PARTS = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("scenes", "models") for path in (ROOT / folder).glob("*.yaml")
)


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def make_validator(path: Path) -> Draft7Validator:
    """A validator as an editor has it: references to other files are relative to the schema's."""
    registry = Registry().with_resources(
        (schema.as_uri(), Resource.from_contents(read(schema), default_specification=DRAFT7))
        for schema in path.parent.glob("*.schema.yaml")
    )
    return Draft7Validator({"$ref": path.as_uri()}, registry=registry)


def find_schema(file: str) -> Path:
    """The schema that a file names in its first line."""
    first = (ROOT / file).read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(HEADER), file
    return (ROOT / file).parent.joinpath(first.removeprefix(HEADER)).resolve()


@pytest.mark.parametrize("file", FILES + PARTS)
def test_a_file_fits_the_schema_that_it_names(file):
    assert list(make_validator(find_schema(file)).iter_errors(read(ROOT / file))) == []


@pytest.mark.parametrize("file", FILES)
def test_a_config_is_told_from_a_scene_by_its_schema(file):
    assert find_schema(file).name == "config.schema.yaml"


@pytest.mark.parametrize("file", PARTS)
def test_a_scene_or_a_preset_may_hold_only_what_differs(file):
    schema = find_schema(file)
    assert schema.name == "partial-scene.schema.yaml"
    part = {"subjects": {"rover": {"seed": 5}, "gone": None}, "background": {"seed": 3}}
    assert make_validator(schema).is_valid(part)


@pytest.mark.parametrize(
    "wrong",
    [
        {"background": {"prompt": "x", "promt": "y"}},
        {"background": {"prompt": "x"}, "runtime": {"devcie": "cpu"}},
        {"background": {"prompt": "x"}, "sweeps": {"a": {"keyz": {}}}},
        {"background": {"prompt": "x"}, "subjects": {"a": {"prompt": "x", "mask": {"fether": 8}}}},
        {"background": {"prompt": "x", "steps": 0}},
    ],
)
def test_an_editor_marks_what_is_wrong(wrong):
    assert not make_validator(ROOT / "schemas/config.schema.yaml").is_valid(wrong)
