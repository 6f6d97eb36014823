"""What a job tells while it runs: to the terminal for whoever waits, to the log for whoever asks later."""

import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from strata import builds
from strata.errors import StrataError


class AbandonedError(Exception):
    """Nobody waits for the pass any more."""


class Log:
    """A job's log file and its line on the terminal.

    Args:
        title: the layer's name, which begins each line.
        file: the open log.
        terminal: usually stderr; a line that is overwritten if it is a real terminal, else a line now and then.
    """

    def __init__(self, title: str, file: TextIO, terminal: TextIO):
        self.title, self._file, self._terminal = title, file, terminal
        self._started = self._last = time.monotonic()

    def say(self, text: str) -> None:
        self._file.write(f"{text}\n")
        self._file.flush()
        self._print(text, end="\n")

    def note(self, text: str) -> None:
        """Tells what is worth a word once in a build: each log has it, the terminal only the first time."""
        self._file.write(f"{text}\n")
        self._file.flush()
        if builds.first(text):
            self._print(text, end="\n")

    def check(self) -> None:
        """Raises AbandonedError if nobody reads the log any more. A job's own log is read as long as the job lives."""

    def step(self, done: int, steps: int) -> None:
        """Reports a finished step of the sampler."""
        now = time.monotonic()
        if done == 1:
            self._started = self._last = now
        text = f"step {done} of {steps}, {now - self._started:.1f} s"
        self._file.write(f"{text}\n")
        self._file.flush()
        if done == steps:
            self._print(text, end="\n")
        elif self._terminal.isatty():
            self._print(text, end="\r")
        elif now - self._last >= 10:
            self._last = now
            self._print(text, end="\n")

    def _print(self, text: str, end: str) -> None:
        print(f"{self.title}: {text}", end=end, file=self._terminal, flush=True)


@contextmanager
def logged(log: str | Path, layer: str) -> Iterator[Log]:
    """Opens the log of a job that makes a layer's file. What goes wrong ends up in it.

    A sentence as it is; anything unforeseen with its traceback, and as a sentence for the terminal.
    """
    path, title = Path(log), _title(layer)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        try:
            yield Log(title, file, sys.stderr)
        except StrataError as error:
            file.write(f"{error}\n")
            raise
        except KeyboardInterrupt:
            file.write("interrupted\n")
            raise StrataError(f"{title} was interrupted. The same command goes on with it.") from None
        except Exception as error:
            traceback.print_exc(file=file)
            kind = type(error).__name__
            raise StrataError(f"{title} failed unexpectedly: {kind}: {error}. {path} holds the traceback.") from None


def _title(layer: str) -> str:
    """The name of a layer as people know it: its file within results/."""
    path = Path(layer).with_suffix("")
    return "/".join(path.parts[1:] if path.parts[0] == "results" else path.parts)
