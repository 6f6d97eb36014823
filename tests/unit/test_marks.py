"""A layer whose job did not end well is made again."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from strata.state import MARKS
from strata.workflow.marks import Marks, marked

LAYER = "results/background.png"


@pytest.fixture
def marks(tmp_path, monkeypatch) -> Marks:
    """The marks as the Snakefile's process reads them, build after build."""
    monkeypatch.chdir(tmp_path)
    return Marks()


def plan_in_a_new_build(marks: Marks) -> str:
    """The mark in the layer's params: Snakemake reads it before the build begins."""
    marks.leave()
    planned = marks.read(LAYER)
    marks.begin()
    return planned


def fail(planned: str, error=SystemExit) -> None:
    with pytest.raises(error), marked(LAYER, planned):
        raise error


def test_a_job_that_ends_well_leaves_what_its_params_say(marks):
    planned = plan_in_a_new_build(marks)
    with marked(LAYER, planned):
        pass
    assert plan_in_a_new_build(marks) == planned == ""
    assert not (MARKS / LAYER).exists()


def test_while_a_job_runs_and_when_it_was_killed_another_build_sees_it(marks):
    planned = plan_in_a_new_build(marks)
    with marked(LAYER, planned):
        marks.leave()
        assert marks.read(LAYER) != planned


def test_a_job_that_fails_leaves_another_mark_until_one_ends_well(marks):
    planned = plan_in_a_new_build(marks)
    fail(planned)
    again = plan_in_a_new_build(marks)
    assert again != planned
    fail(again, KeyboardInterrupt)
    third = plan_in_a_new_build(marks)
    assert third not in (planned, again)
    with marked(LAYER, third):
        pass
    assert plan_in_a_new_build(marks) == third


@pytest.mark.parametrize("failures_before", [0, 1, 2])
def test_tries_of_one_build_end_in_what_it_recorded_before_the_first(marks, failures_before):
    """On a cluster each try reads the params anew, in a process of its own."""
    for _ in range(failures_before):
        fail(plan_in_a_new_build(marks))
    recorded = plan_in_a_new_build(marks)
    fail(recorded)
    elsewhere = Marks()
    elsewhere.join()
    assert elsewhere.read(LAYER) == recorded
    fail(elsewhere.read(LAYER))
    with marked(LAYER, elsewhere.read(LAYER)):
        pass
    assert plan_in_a_new_build(marks) == recorded


def test_a_layer_whose_job_was_never_started_counts_as_failed(marks):
    Path(LAYER).parent.mkdir()
    Path(LAYER).write_text("an older one")
    planned = plan_in_a_new_build(marks)
    marks.expect([LAYER, "results/fog.png"])
    assert marks.read(LAYER) == planned  # for this build, which may still make it
    assert plan_in_a_new_build(marks) != planned
    assert marks.read("results/fog.png") == ""  # not there: it will be missed anyway


def test_layers_have_marks_of_their_own(marks):
    fail(plan_in_a_new_build(marks))
    assert marks.read("results/final.png") == ""


def test_the_files_hold_what_the_table_says(marks, monkeypatch):
    """The table in the docstring of Marks, line by line. Names of builds are b1, b2 ..."""
    names = iter(range(1, 9))
    monkeypatch.setattr("strata.workflow.marks.time", SimpleNamespace(time_ns=lambda: f"b{next(names)}"))

    def held() -> str | None:
        return (MARKS / LAYER).read_text() if (MARKS / LAYER).exists() else None

    def next_build_reads() -> str:
        return Marks().read(LAYER)

    marks.begin()
    assert (held(), marks.read(LAYER), next_build_reads()) == (None, "", "")
    with marked(LAYER, ""):
        assert (held(), marks.read(LAYER), next_build_reads()) == ("b1 ", "", "b1 ")
    assert (held(), marks.read(LAYER), next_build_reads()) == (None, "", "")
    fail("")
    assert (held(), marks.read(LAYER), next_build_reads()) == ("b1 ", "", "b1 ")
    assert plan_in_a_new_build(marks) == "b1 "
    with marked(LAYER, "b1 "):
        assert (held(), marks.read(LAYER), next_build_reads()) == ("b2 b1 ", "b1 ", "b2 b1 ")
    assert (held(), marks.read(LAYER), next_build_reads()) == ("b1 ", "b1 ", "b1 ")
    fail("b1 ")
    assert (held(), marks.read(LAYER), next_build_reads()) == ("b2 b1 ", "b1 ", "b2 b1 ")
