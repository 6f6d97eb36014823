"""A rule's script from its begin to its end: what is logged, what is said, and which mark it leaves."""

from pathlib import Path

import pytest

from strata.errors import StrataError
from strata.painting import journal
from strata.state import MARKS
from strata.workflow.job import running

LAYER, LOG = "results/subjects/rover.png", "logs/subjects/rover.log"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def has_mark() -> bool:
    return (MARKS / LAYER).exists()


def test_a_job_knows_its_layer_and_leaves_no_mark(capsys):
    spec = {"width": 96, "height": 64, "mark": ""}
    with running(LOG, LAYER, spec) as job:
        assert has_mark()
        assert (job.layer, job.size, job.spec) == (LAYER, (96, 64), {"width": 96, "height": 64})
        job.log.say("at work")
        job.record("drawn")
    assert not has_mark()
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
def test_an_error_ends_the_job_with_a_sentence_and_is_logged(error, said, logged):
    with pytest.raises(SystemExit) as end, running(LOG, LAYER, {"mark": ""}):
        raise error
    assert end.value.code == said
    assert Path(LOG).read_text().startswith(logged)
    assert has_mark()
