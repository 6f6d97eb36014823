"""A rule's script from its begin to its end: what is logged, what is said, and what is recorded."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from strata.errors import StrataError
from strata.fingerprints import digest_file
from strata.painting import journal
from strata.workflow import records
from strata.workflow.job import running

LAYER, LOG = "results/subjects/rover.png", "logs/subjects/rover.log"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(LAYER).parent.mkdir(parents=True)


def script(**spec) -> SimpleNamespace:
    """What Snakemake hands to a rule's script."""
    return SimpleNamespace(
        log=[LOG], input=["results/background.png"], output=[LAYER], params=SimpleNamespace(spec={"code": "1", **spec})
    )


def test_a_job_records_what_it_read_as_it_was_read(capsys):
    plate = Path("results/background.png")
    plate.write_bytes(b"a plate")
    read = digest_file(plate)
    with running(script(width=96, height=64), LAYER) as job:
        assert (job.layer, job.size, job.spec) == (LAYER, (96, 64), {"code": "1", "width": 96, "height": 64})
        assert job.reader.read("results/background.png") == b"a plate"
        plate.write_bytes(b"retouched while the job ran")
        job.log.say("at work")
        Path(LAYER).write_bytes(b"a layer")
        job.finish("drawn")
    record = records.read(LAYER)
    assert record is not None
    assert record["inputs"] == {"results/background.png": read}
    assert record["layer"] == digest_file(Path(LAYER))
    assert Path(LOG).read_text() == "at work\n"
    assert capsys.readouterr().err == "subjects/rover: at work\n"
    assert [(entry["layer"], entry["how"]) for entry in journal.read()] == [(LAYER, "drawn")]


@pytest.mark.parametrize(
    ("error", "said", "logged"),
    [
        (StrataError("The mask is empty."), "The mask is empty.", "The mask is empty.\n"),
        (
            KeyboardInterrupt(),
            "subjects/rover was interrupted. The same command goes on with it.",
            "interrupted\n",
        ),
        (
            ZeroDivisionError("a bug"),
            f"subjects/rover failed unexpectedly: ZeroDivisionError: a bug. {LOG} holds the traceback.",
            "Traceback",
        ),
    ],
    ids=["foreseen", "interrupted", "unforeseen"],
)
def test_an_error_ends_the_job_with_a_sentence_and_is_logged_and_nothing_is_recorded(error, said, logged):
    with pytest.raises(SystemExit) as end, running(script(), LAYER):
        raise error
    assert end.value.code == said
    assert Path(LOG).read_text().startswith(logged)
    assert records.read(LAYER) is None


def test_a_clock_that_was_set_back_leaves_no_layer_older_than_what_it_was_made_from():
    plate = Path("results/background.png")
    plate.touch()
    future = plate.stat().st_mtime_ns + 10**12
    os.utime(plate, ns=(future, future))
    with running(script(), LAYER):
        Path(LAYER).write_bytes(b"a layer")
    assert Path(LAYER).stat().st_mtime_ns == future


def test_a_log_that_cannot_be_written_costs_the_log_alone(capsys):
    Path("logs").write_text("a file")
    with running(script(), LAYER) as job:
        job.log.say("at work")
        Path(LAYER).write_bytes(b"a layer")
    assert records.read(LAYER) is not None
    assert "this job keeps no log" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_log_costs_the_log_alone():
    Path(LOG).parent.mkdir(parents=True)
    Path(LOG).symlink_to("/dev/full")
    with running(script(), LAYER) as job:
        job.log.say("at work")
        Path(LAYER).write_bytes(b"a layer")
    assert records.read(LAYER) is not None
