"""What a job reports while it runs: to the terminal for whoever waits, to the log for whoever asks later."""

import time
from pathlib import Path
from typing import Protocol, TextIO

from strata.painting import journal


class AbandonedError(Exception):
    """Nobody waits for the pass any more."""


class Reporter(Protocol):
    """Takes what a pass reports."""

    def say(self, text: str) -> None:
        """Reports a sentence."""

    def note(self, text: str) -> None:
        """Reports a sentence that a build prints once: each log has it, the terminal only the first time."""

    def step(self, done: int, steps: int) -> None:
        """Reports that so many steps of a sampler, of so many, are done."""

    def check(self) -> None:
        """Raises AbandonedError if nobody waits for the pass any more."""


class JobLog:
    """A job's log file and its line on the terminal: the Reporter of a job.

    Args:
        title: the layer's name, which begins each line.
        file: the open log.
        terminal: usually stderr. On a real terminal the line of a running pass is overwritten; elsewhere there is a line
            every ten seconds.
    """

    def __init__(self, title: str, file: TextIO, terminal: TextIO):
        self.title, self._file, self._terminal = title, file, terminal
        self._started = self._last = time.monotonic()

    def say(self, text: str) -> None:
        self._write(text)
        self._print(text, end="\n")

    def note(self, text: str) -> None:
        self._write(text)
        if journal.claim_note(text):
            self._print(text, end="\n")

    def check(self) -> None:
        """Does nothing: a job's own log is wanted as long as the job lives."""

    def step(self, done: int, steps: int) -> None:
        now = time.monotonic()
        if done == 1:
            self._started = self._last = now
        text = f"step {done} of {steps}, {now - self._started:.1f} s"
        self._write(text)
        if done == steps:
            self._print(text, end="\n")
        elif self._terminal.isatty():
            self._print(text, end="\r")
        elif now - self._last >= 10:
            self._last = now
            self._print(text, end="\n")

    def _write(self, text: str) -> None:
        self._file.write(f"{text}\n")
        self._file.flush()

    def _print(self, text: str, end: str) -> None:
        print(f"{self.title}: {text}", end=end, file=self._terminal, flush=True)


def layer_title(layer: str) -> str:
    """The name of a layer as people know it: its file within results/."""
    path = Path(layer).with_suffix("")
    return "/".join(path.parts[1:] if path.parts[0] == "results" else path.parts)
