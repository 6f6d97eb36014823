"""What a job reports: all of it to its log, the terminal as much as is wanted there."""

import io

import pytest

from strata.painting import journal
from strata.painting.progress import JobLog, layer_title


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    journal.begin()


def test_what_is_said_goes_to_the_log_and_the_terminal():
    file, terminal = io.StringIO(), io.StringIO()
    JobLog("fog", file, terminal).say("from the store")
    assert (file.getvalue(), terminal.getvalue()) == ("from the store\n", "fog: from the store\n")


def test_a_note_is_in_each_log_and_on_the_terminal_once():
    files, terminal = [io.StringIO(), io.StringIO()], io.StringIO()
    for file in files:
        JobLog("fog", file, terminal).note("clip_skip does nothing")
    assert [file.getvalue() for file in files] == ["clip_skip does nothing\n"] * 2
    assert terminal.getvalue() == "fog: clip_skip does nothing\n"


@pytest.mark.parametrize(("terminal", "ends"), [(Terminal(), ["\r", "\r", "\n"]), (io.StringIO(), ["\n"])])
def test_steps_overwrite_each_other_on_a_terminal_and_are_few_elsewhere(terminal, ends):
    file = io.StringIO()
    log = JobLog("fog", file, terminal)
    for step in (1, 2, 3):
        log.step(step, 3)
    assert [line.partition(",")[0] for line in file.getvalue().splitlines()] == [
        "step 1 of 3",
        "step 2 of 3",
        "step 3 of 3",
    ]
    assert [character for character in terminal.getvalue() if character in "\r\n"] == ends
    assert "step 3 of 3" in terminal.getvalue()


@pytest.mark.parametrize(
    ("layer", "title"),
    [
        ("results/background.png", "background"),
        ("results/night/subjects/rover.png", "night/subjects/rover"),
        ("desert/results/final@2x.png", "desert/results/final@2x"),
    ],
)
def test_a_layer_is_known_by_its_file_within_the_results(layer, title):
    assert layer_title(layer) == title
