"""What a job reports: all of it to its log, the terminal as much as is wanted there."""

import io

import pytest

from strata.painting import journal, remaining
from strata.painting.progress import JobLog, layer_title
from strata.state import PLANNED


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


def test_a_detail_is_in_the_log_alone():
    file, terminal = io.StringIO(), io.StringIO()
    JobLog("fog", file, terminal).detail("on the cpu")
    assert (file.getvalue(), terminal.getvalue()) == ("on the cpu\n", "")


def run_steps(terminal: io.StringIO) -> str:
    """Three steps, and what the log says of them."""
    file = io.StringIO()
    log = JobLog("results/effects/fog.png", file, terminal)
    for step in (1, 2, 3):
        log.step(step, 3)
        if step == 2:
            log.say("half of it")
    return file.getvalue()


@pytest.mark.parametrize("terminal", [Terminal(), io.StringIO()])
def test_each_step_is_in_the_log(terminal):
    lines = run_steps(terminal).splitlines()
    assert [line.partition(",")[0] for line in lines] == ["step 1 of 3", "step 2 of 3", "half of it", "step 3 of 3"]


def test_a_pass_is_few_lines_where_nobody_watches():
    terminal = io.StringIO()
    run_steps(terminal)
    said = terminal.getvalue().splitlines()
    assert said[0] == "effects/fog: half of it"
    assert said[1].startswith("effects/fog: step 3 of 3, ")
    assert len(said) == 2


def test_a_pass_is_one_line_that_fills_on_a_terminal():
    terminal = Terminal()
    run_steps(terminal)
    *overwritten, last = terminal.getvalue().removesuffix("\n").split("\r")
    assert any("effects/fog" in line and "1/3" in line for line in overwritten)
    assert "effects/fog: half of it\n" in terminal.getvalue()
    assert "3/3" in last
    assert "left" not in terminal.getvalue()  # nobody said what to expect


class Gone(io.StringIO):
    """A pipe that nobody reads any more, or a terminal that was closed."""

    def __init__(self, was_terminal: bool):
        super().__init__()
        self._was_terminal = was_terminal

    def isatty(self) -> bool:
        return self._was_terminal

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("was_terminal", [False, True])
def test_a_terminal_that_is_gone_does_not_end_the_pass(was_terminal):
    lines = run_steps(Gone(was_terminal)).splitlines()
    assert [line.partition(",")[0] for line in lines] == ["step 1 of 3", "step 2 of 3", "half of it", "step 3 of 3"]


def test_what_remains_of_the_build_is_told():
    remaining.expect({"results/effects/fog.png": 5, "results/final.png": 65, "results/background.png": 9})
    journal.record("results/background.png", "painted", 1.0)
    terminal = Terminal()
    run_steps(terminal)
    assert "build 1:05 left" in terminal.getvalue()


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": "b"}', b"\xff", b"[" * 100_000])
def test_what_is_expected_may_be_garbage(content):
    PLANNED.write_bytes(content)
    assert remaining.seconds_after("results/final.png") is None


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
