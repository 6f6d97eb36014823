"""Configs as files: what is read, what is refused, and how one lies over another."""

from pathlib import Path

import pytest
import yaml

from strata.errors import StrataError
from strata.yaml_files import check_yaml, merge, read_yaml, write_yaml


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "- 1\n- 2", "just words"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    with pytest.raises(StrataError, match=r"scene\.yaml"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("base", "change", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1}, {"b": None}, {"a": 1}),
    ],
)
def test_mappings_merge_and_the_rest_replaces(base, change, result):
    assert merge(base, change) == result


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "a appears twice, on lines 1 and 3"),
        ("a: {b: 1, b: 2}\n", "a.b appears twice, on lines 1 and 1"),
        ("a:\n  b: 010\n", "line 2: a.b is 010, which YAML does not read as a decimal number"),
        ("a: [1:30]\n", "line 1: a.0 is 1:30, which YAML does not read as a decimal number"),
        ("a: &x [*x]\n", "a.0 contains itself through an anchor"),
        ("a: 2024-13-01\n", "is not YAML: month must be in 1..12"),
        ("a: !!binary aGk=\n", "line 1: a is of the type binary"),
        ("a: !!set {b}\n", "line 1: a is of the type set"),
        ("[1]: 2\n", "has a key that is not text"),
        ('a: "\\0"\n', "line 1: a holds a zero character"),
        (f"a: {'[' * 5000}\n", "deep. No key lies that deep"),
        ("a: !!python/object:os.system {}\n", "a is of the type"),
    ],
)
def test_what_yaml_reads_as_nobody_expects_is_refused(tmp_path, text, said):
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    with pytest.raises(StrataError) as error:
        read_yaml(path)
    assert str(error.value).startswith(str(path))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("0", 0),
        ("0x10", 16),
        ("1e3", "1e3"),
        ("1.5e+3", 1500.0),
        ("'010'", "010"),
        ("[1, {b: null}]", [1, {"b": None}]),
        ("{b: &x 1, c: *x}", {"b": 1, "c": 1}),
    ],
)
def test_what_it_reads_as_expected_is_left_to_it(tmp_path, text, value):
    path = tmp_path / "scene.yaml"
    path.write_text(f"a: {text}\n")
    assert read_yaml(path) == {"a": value}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "null\n"])
def test_an_empty_config_is_a_sentence_that_names_the_file(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(StrataError) as error:
        check_yaml(str(path))
    assert str(error.value).startswith(f"{path} is empty.")
    assert "`background: {prompt: ...}`" in str(error.value)


@pytest.mark.parametrize("text", ["a: [1", "- 1\n"])
def test_a_config_that_is_not_yaml_is_refused_when_it_is_checked(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(StrataError, match=str(path)):
        check_yaml(str(path))


def test_a_config_that_is_well_passes(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("background: {prompt: x}\n")
    assert check_yaml(str(path)) == str(path)


def test_a_config_that_is_missing_is_a_sentence_that_names_it(tmp_path):
    with pytest.raises(StrataError, match=f"^{tmp_path}/config.yaml is missing"):
        check_yaml(str(tmp_path / "config.yaml"))


def test_a_merge_leaves_what_it_merges_alone():
    base, change = {"a": {"b": 1}}, {"a": {"c": 2}}
    assert merge(base, change) == {"a": {"b": 1, "c": 2}}
    assert (base, change) == ({"a": {"b": 1}}, {"a": {"c": 2}})


def test_what_is_written_is_read(tmp_path):
    content = {"z": [1, 2.5], "a": {"text": "ein Dünenmeer", "none": None}}
    write_yaml(tmp_path / "scene.yaml", content, "A scene.")
    text = Path(tmp_path / "scene.yaml").read_text(encoding="utf-8")
    assert text.startswith("# A scene.\nz:")
    assert "Dünenmeer" in text
    assert yaml.safe_load(text) == read_yaml(tmp_path / "scene.yaml") == content
