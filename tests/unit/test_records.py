"""Records: a layer is compared with what it was made from, by content, whatever the times of files say."""

import os
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from strata.fingerprints import digest_file
from strata.imaging import png
from strata.state import BUILD_LOCK, CHANGED, RECORDS
from strata.workflow import records
from strata.workflow.records import Comparison

LAYER, PLATE = "results/subjects/rover.png", "results/background.png"
SPEC = {"prompt": "a rover", "seed": 1, "code": "c"}


def paint(path: str, level: int) -> None:
    png.write(path, Image.new("RGB", (8, 8), (level, 0, 0)), key=f"{level:064x}")


def retouch(path: str, level: int) -> None:
    Image.new("RGB", (8, 8), (level, level, level)).save(path)


@pytest.fixture(autouse=True)
def made(tmp_path, monkeypatch):
    """A subject on a background, both recorded."""
    monkeypatch.chdir(tmp_path)
    Comparison.prepare()
    paint(PLATE, 1)
    records.write(PLATE, SPEC, {})
    paint(LAYER, 2)
    records.write(LAYER, SPEC, {PLATE: digest_file(Path(PLATE))})


def find(**changes) -> list[str]:
    return Comparison().find_changes(LAYER, SPEC | changes, [PLATE])


def test_a_layer_that_is_right_has_no_changes():
    assert find() == []


@pytest.mark.parametrize(("changes", "named"), [({"seed": 2}, ["seed"]), ({"mask": 1, "code": "d"}, ["code", "mask"])])
def test_changed_values_are_named(changes, named):
    assert find(**changes) == named


def test_a_value_that_is_gone_is_a_change():
    assert Comparison().find_changes(LAYER, {"prompt": "a rover", "code": "c"}, [PLATE]) == ["seed"]


@pytest.mark.parametrize("age", [-(10**9), 0, 10**9])
def test_an_input_with_other_content_is_seen_whatever_its_time(age):
    time = Path(PLATE).stat().st_mtime + age
    retouch(PLATE, 9)
    os.utime(PLATE, (time, time))
    assert find() == [PLATE]


def test_an_input_that_was_touched_is_not():
    os.utime(PLATE, (2e9, 2e9))
    assert find() == []


def test_a_retouched_layer_is_right_until_its_description_changes():
    retouch(LAYER, 9)
    assert find() == []
    assert find(seed=2) == ["seed"]


def test_a_layer_that_was_made_from_something_else_is_not_taken_for_a_retouched_one():
    paint(LAYER, 7)
    assert find() == ["another file is in its place"]


def test_a_painted_input_that_was_deleted_will_come_back_as_it_was():
    Path(PLATE).unlink()
    assert find() == []


def test_a_retouched_input_that_was_deleted_will_not():
    retouch(PLATE, 9)
    records.write(LAYER, SPEC, {PLATE: digest_file(Path(PLATE))})
    assert find() == []
    Path(PLATE).unlink()
    assert find() == [PLATE]


def test_a_layer_that_is_not_there_has_no_changes():
    Path(LAYER).unlink()
    assert find() == []


@given(st.binary(max_size=80))
def test_a_garbled_record_is_none(garbage):
    (RECORDS / f"{LAYER}.json").write_bytes(garbage)
    assert find() == ["no record of it"]


@pytest.mark.parametrize("record", ["{}", "[]", "null", '{"spec": 1, "inputs": {}, "layer": ""}', "[" * 100_000])
def test_a_record_of_another_form_is_none(record):
    (RECORDS / f"{LAYER}.json").write_text(record)
    assert find() == ["no record of it"]


def test_a_flag_is_newer_than_a_layer_from_the_future_and_another_file():
    before = CHANGED.read_text()
    os.utime(LAYER, (4e9, 4e9))
    Comparison().flag(LAYER)
    assert CHANGED.stat().st_mtime > 4e9
    assert CHANGED.read_text() != before


def test_a_build_that_is_under_way_is_not_disturbed():
    before = CHANGED.stat().st_mtime_ns, CHANGED.read_text()
    met = []
    with FileLock(BUILD_LOCK):
        comparison = Comparison(meet_another=lambda: met.append("another"))
        comparison.flag(LAYER)
        comparison.flag(LAYER)
    Comparison(flags=False).flag(LAYER)
    assert met == ["another"]
    assert (CHANGED.stat().st_mtime_ns, CHANGED.read_text()) == before
