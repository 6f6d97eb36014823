"""The history: what finished work took, whatever became of its file."""

import pytest

from strata.painting import history
from strata.state import HISTORY

MODEL = {"id": "m", "revision": None, "variant": None, "dtype": "auto", "fingerprint": "f"}
PAINTED = {"task": "text_to_image", "steps": 10, "guidance_scale": 8.0, "model": MODEL}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def add(how: str, seconds: float = 2.0) -> None:
    history.add({"what": "painting", "how": how, "work": 1, "seconds": seconds})


@pytest.mark.parametrize(
    ("changes", "kind", "work"),
    [
        ({}, "text_to_image f auto guided", 1000),
        ({"guidance_scale": 1.0}, "text_to_image f auto", 1000),
        ({"model": MODEL | {"fingerprint": None}}, "text_to_image m auto guided", 1000),
        ({"task": "inpaint", "strength": 0.55}, "inpaint f auto guided", 500),
        ({"task": "upscale", "method": "network", "factor": 2, "steps": 1}, "upscale f auto network", 400),
    ],
)
def test_a_pass_is_measured_by_its_steps_and_pixels(changes, kind, work):
    assert history.measure(PAINTED | changes, 100) == (kind, work)


def test_what_the_store_has_saved_is_counted_over_builds():
    assert history.describe_savings() == ""
    for how in ("painted", "painted", "store", "composited", "kept"):
        add(how)
    assert history.describe_savings() == "It has saved 1 passes here, about 2 s of painting."


@pytest.mark.parametrize(
    "line",
    [
        b"[1]",
        b'{"what": "painting", "how": "painted", "work": 1, "seco',
        b'{"what": 1}',
        b"\xff",
        b"[" * 100_000,
        b"null",
    ],
)
def test_a_line_that_is_cut_or_garbage_is_passed_over(line):
    add("painted")
    with HISTORY.open("ab") as file:
        file.write(line + b"\n")
    add("store")
    assert [entry["how"] for entry in history.read()] == ["painted", "store"]


def test_entries_of_another_version_are_passed_over():
    HISTORY.parent.mkdir()
    HISTORY.write_text('{"layer": "results/background.png", "how": "painted", "seconds": 4.1}\n')
    assert history.read() == []


def test_the_older_half_is_forgotten_when_there_is_too_much(monkeypatch):
    for number in range(10):
        add("painted", float(number))
    history.forget_old()
    assert len(history.read()) == 10
    monkeypatch.setattr(history, "MOST_BYTES", 100)
    history.forget_old()
    assert [entry["seconds"] for entry in history.read()] == [5, 6, 7, 8, 9]


def test_a_history_that_cannot_be_written_or_read_is_none():
    HISTORY.mkdir(parents=True)
    add("painted")
    history.forget_old()
    assert history.read() == []
