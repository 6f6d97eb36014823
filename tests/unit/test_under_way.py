"""What is under way in a folder is told to whoever looks on, and nothing that has ended is."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from strata.painting import under_way
from strata.painting.progress import JobLog
from strata.painting.under_way import JobUnderWay, Preview


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_build_and_its_jobs_are_seen_while_they_are_at_work():
    assert under_way.find() is None
    under_way.begin()
    assert under_way.find().jobs == ()
    log = JobLog("results/effects/fog.png", io.StringIO(), io.StringIO())
    under_way.report(JobUnderWay("results/background.png", 0, 0, time.time() + 1))
    log.step(3, 8)
    assert [(job.layer, job.done, job.steps) for job in under_way.find().jobs] == [
        ("results/effects/fog.png", 3, 8),
        ("results/background.png", 0, 0),
    ]
    log.close()
    assert [job.layer for job in under_way.find().jobs] == ["results/background.png"]
    under_way.end()
    assert under_way.find() is None


def test_a_build_that_was_killed_is_none(folder):
    script = "import os, signal; from strata.painting import under_way; under_way.begin(); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=False)
    assert under_way.BUILD.exists()
    assert under_way.find() is None
    under_way.begin()
    assert under_way.find().jobs == ()


def test_another_process_by_the_same_number_is_none():
    under_way.begin()
    build = json.loads(under_way.BUILD.read_text())
    under_way.BUILD.write_text(json.dumps(build | {"created": build["created"] - 60}))
    assert under_way.find() is None


def test_the_end_of_one_process_leaves_the_build_of_another(folder):
    under_way.begin()
    script = "from strata.painting import under_way; under_way.end()"
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    assert under_way.find() is not None


def test_somebody_looks_on_for_some_seconds_after_saying_so(tmp_path):
    assert not under_way.is_watched()
    under_way.watch()
    assert under_way.is_watched()
    assert under_way.is_watched(Path.cwd())
    assert not under_way.is_watched(tmp_path / "elsewhere")
    before = time.time() - under_way.WATCHED_SECONDS
    os.utime(under_way.WATCHED, (before, before))
    assert not under_way.is_watched()


def test_a_preview_is_replaced_while_its_job_is_at_work_and_gone_with_it():
    under_way.begin()
    log = JobLog("results/subjects/rover.png", io.StringIO(), io.StringIO())
    assert under_way.find().jobs[0].preview is None
    seen = []
    for picture in (b"one", b"two"):
        log.preview(Preview(picture, (8, 0, 24, 16)))
        assert under_way.find_preview("results/subjects/rover.png").read_bytes() == picture
        seen.append(under_way.find().jobs[0].preview)
        time.sleep(0.002)
    assert [preview.box for preview in seen] == [(8, 0, 24, 16)] * 2
    assert seen[0].version != seen[1].version
    log.step(2, 8)
    assert under_way.find().jobs[0] == JobUnderWay("results/subjects/rover.png", 2, 8, log._job.started, seen[1])
    log.close()
    assert [path.name for path in under_way.UNDER_WAY.iterdir()] == ["build.json"]


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "{",
        "[]",
        '{"layer": "x", "done": 0, "steps": 0, "started": 0, "preview": {"box": 1}}',
        '{"pid": "x"}',
        '{"pid": 1}',
    ],
)
def test_what_cannot_be_read_is_none(garbage):
    under_way.begin()
    (under_way.UNDER_WAY / "job-x.json").write_text(garbage)
    assert under_way.find().jobs == ()
    under_way.BUILD.write_text(garbage)
    assert under_way.find() is None


def test_a_job_of_no_build_and_a_folder_that_cannot_be_written_stop_nothing(folder):
    under_way.report(JobUnderWay("results/background.png", 1, 2, 0.0))
    assert not under_way.UNDER_WAY.exists()
    (folder / ".strata").write_text("in the way")
    under_way.begin()
    under_way.report(JobUnderWay("results/background.png", 1, 2, 0.0))
    under_way.forget("results/background.png")
    under_way.end()
    assert under_way.find() is None
