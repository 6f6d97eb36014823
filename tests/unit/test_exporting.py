"""An export is never written over what a person has painted into it."""

import io
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from strata.painting.progress import JobLog
from strata.workflow import exporting, records
from strata.workflow.job import Job

FILE = "results/final.psd"


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes an export with a content; returns what was said."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    said = io.StringIO()

    @contextmanager
    def running(snakemake, layer):
        yield Job(layer, {"width": 8, "height": 8}, JobLog("a test", said, said), 0.0)
        records.write(layer, {}, {})

    monkeypatch.setattr(exporting, "running", running)

    def run(content: bytes | None) -> str:
        with exporting.exporting(SimpleNamespace(output=[FILE])) as job:
            if content is None:
                raise RuntimeError("the job failed")
            (tmp_path / job.layer).write_bytes(content)
        return said.getvalue()

    return run


def list_files(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "results").iterdir()}


def test_an_export_that_nobody_edited_is_replaced(make, tmp_path):
    make(b"one")
    assert "edited" not in make(b"two")
    assert list_files(tmp_path) == {"final.psd": b"two"}


def test_an_edited_one_is_moved_aside_each_time(make, tmp_path):
    make(b"one")
    for number in (1, 2):
        (tmp_path / FILE).write_bytes(b"painted %d" % number)
        said = make(b"two")
    assert "results/final.psd was edited. It is kept as results/final.edited-2.psd." in said
    assert list_files(tmp_path) == {
        "final.psd": b"two",
        "final.edited.psd": b"painted 1",
        "final.edited-2.psd": b"painted 2",
    }


def test_if_the_job_fails_the_edited_one_stays_in_its_place(make, tmp_path):
    make(b"one")
    (tmp_path / FILE).write_bytes(b"painted")
    with pytest.raises(RuntimeError):
        make(None)
    assert list_files(tmp_path) == {"final.psd": b"painted"}


def test_what_a_killed_job_left_is_no_edit(make, tmp_path):
    make(b"one")
    (tmp_path / FILE).write_bytes(b"two")
    make(b"two")
    assert list_files(tmp_path) == {"final.psd": b"two"}
