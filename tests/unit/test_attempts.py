"""A layer whose job did not end well is made again."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from strata.workflow import marks
from strata.workflow.marks import attempted, mark

LAYER = "results/background.png"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    marks.leave()


def spec() -> dict:
    return {"prompt": "a", "mark": mark(LAYER)}


def planned_in_a_new_build() -> dict:
    """Snakemake reads the params before it begins."""
    marks.leave()
    read = spec()
    marks.begin()
    return read


def fail(planned: dict, error=SystemExit) -> None:
    with pytest.raises(error), attempted(LAYER, planned):
        raise error


def test_a_job_that_ends_well_leaves_what_its_params_say():
    planned = planned_in_a_new_build()
    with attempted(LAYER, planned) as bare:
        assert bare == {"prompt": "a"}
    assert planned_in_a_new_build() == planned


def test_while_a_job_runs_and_when_it_was_killed_another_build_sees_it():
    planned = planned_in_a_new_build()
    with attempted(LAYER, planned):
        marks.leave()
        assert spec() != planned


def test_a_job_that_fails_leaves_another_mark_until_one_ends_well():
    planned = planned_in_a_new_build()
    fail(planned)
    again = planned_in_a_new_build()
    assert again != planned
    fail(again, KeyboardInterrupt)
    third = planned_in_a_new_build()
    assert third not in (planned, again)
    with attempted(LAYER, third):
        pass
    assert planned_in_a_new_build() == third


@pytest.mark.parametrize("failures_before", [0, 1, 2])
def test_tries_of_one_build_end_in_what_it_recorded_before_the_first(failures_before):
    """On a cluster each try reads the params anew, in a process of its own."""
    for _ in range(failures_before):
        fail(planned_in_a_new_build())
    recorded = planned_in_a_new_build()
    fail(recorded)
    marks.join()
    assert spec() == recorded
    fail(spec())
    with attempted(LAYER, spec()):
        pass
    assert planned_in_a_new_build() == recorded


def test_a_layer_whose_job_was_never_started_counts_as_failed():
    jobs = [SimpleNamespace(output=[LAYER]), SimpleNamespace(output=[]), SimpleNamespace(output=["results/fog.png"])]
    Path(LAYER).parent.mkdir()
    Path(LAYER).write_text("an older one")
    planned = planned_in_a_new_build()
    marks.expect(jobs)
    assert spec() == planned  # for this build, which may still make it
    assert planned_in_a_new_build() != planned
    assert mark("results/fog.png") == ""  # not there: it will be missed anyway


def test_layers_have_marks_of_their_own():
    fail(planned_in_a_new_build())
    assert mark("results/final.png") == ""
