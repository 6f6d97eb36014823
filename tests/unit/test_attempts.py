"""A layer whose job did not end well is made again."""

import pytest

from strata.attempts import attempted, mark

LAYER = "results/background.png"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def spec() -> dict:
    return {"prompt": "a", "mark": mark(LAYER)}


def test_a_job_that_ends_well_leaves_what_its_params_say():
    planned = spec()
    with attempted(LAYER, planned) as bare:
        assert bare == {"prompt": "a"}
        assert spec() != planned
    assert spec() == planned


def test_a_job_that_fails_leaves_another_mark_until_one_ends_well():
    planned = spec()
    with pytest.raises(SystemExit), attempted(LAYER, planned):
        raise SystemExit("no")
    again = spec()
    assert again != planned
    with pytest.raises(KeyboardInterrupt), attempted(LAYER, again):
        raise KeyboardInterrupt
    third = spec()
    assert third not in (planned, again)
    with attempted(LAYER, third):
        pass
    assert spec() == third


def test_layers_have_marks_of_their_own():
    with pytest.raises(SystemExit), attempted(LAYER, spec()):
        raise SystemExit("no")
    assert mark("results/final.png") == ""
