"""Live: a save is a build, what is wrong is reported, and Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from helpers.working_folder import ROOT
from strata.commands.live import list_inputs

PATIENCE = 120  # seconds, on a machine that is busy with other things


class Live:
    """`strata live` at work in a folder."""

    def __init__(self, folder, *arguments):
        self._said = (folder / "said").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "strata", "live", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches every process of the terminal's foreground group.
            start_new_session=True,
        )

    def said(self, after: int = 0) -> str:
        self._said.seek(0)
        return "".join(self._said.read().split("Watching. Ctrl-C ends it.")[after:])

    def wait(self, builds: int) -> str:
        """Waits for the end of so many builds, and returns what the last one said."""
        end = time.monotonic() + PATIENCE
        while True:
            self._said.seek(0)
            parts = self._said.read().split("Watching. Ctrl-C ends it.")
            if len(parts) > builds:
                return parts[builds - 1]
            assert self.process.poll() is None and time.monotonic() < end, "".join(parts)
            time.sleep(0.05)


@pytest.fixture
def live(built):
    built.write({"effects": {"fog": {"seed": 3}}}, "scenes/other.yaml")
    started = Live(built.folder)
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.wait()


def test_a_save_is_a_build_and_a_mistake_is_reported(built, live):
    live.wait(1)
    before = (built.folder / "results/final.png").read_bytes()
    built.edit("effects.fog.seed", 5)
    assert "fog painted" in live.wait(2)
    assert (built.folder / "results/final.png").read_bytes() != before
    built.edit("effects.fog.sed", 5)
    said = live.wait(3)
    assert "effects.fog.sed is not a key of the schema. Did you mean seed?" in said
    assert "Traceback" not in said
    built.edit("effects.fog.sed", None)
    assert "Nothing to be done" in live.wait(4)
    built.edit("composite.finish.contrast", 1.5)
    assert "results/final.png: nothing painted" in live.wait(5)
    live.process.send_signal(signal.SIGINT)
    assert live.process.wait(PATIENCE) == 0
    assert "Traceback" not in live.wait(5)


def test_ctrl_c_in_the_middle_of_a_pass_ends_all_and_loses_nothing(built, live):
    live.wait(1)
    before = (built.folder / "results/effects/fog.png").read_bytes()
    built.edit("effects.fog.steps", 1000)
    built.edit("runtime.worker", {"enabled": False})  # so that the whole pass ends with its group
    end = time.monotonic() + PATIENCE
    while "step" not in live.said(after=1):
        assert time.monotonic() < end, live.said()
        time.sleep(0.05)
    os.killpg(live.process.pid, signal.SIGINT)
    live.process.wait(PATIENCE)
    assert (built.folder / "results/effects/fog.png").read_bytes() == before
    while True:
        try:
            os.killpg(live.process.pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < end, "A process of it is still there."
        time.sleep(0.05)


def test_it_watches_no_more_than_a_build_reads(built):
    built.write(
        {"subjects": {"astronaut": {"mask": {"image": "masks/shape.png"}}}, "effects": {"fog": {"image": "fog.png"}}},
        "scenes/drawn.yaml",
    )
    built.write({"subjects": ["astronaut"], "effects": {"fog": None, "mist": "x"}}, "scenes/mistaken.yaml")
    watched = list_inputs(built.folder, ["config.yaml"])
    assert [str(path.relative_to(built.folder)) for path in watched] == [
        "config.yaml",
        "scenes/drawn.yaml",
        "scenes/mistaken.yaml",
        "masks/shape.png",
        "fog.png",
        "models.lock.yaml",
    ]
