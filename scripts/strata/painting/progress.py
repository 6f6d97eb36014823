"""What a job reports while it runs: to the terminal for whoever waits, to the log for whoever asks later."""

import shutil
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TextIO

from strata.painting import journal, remaining, under_way
from strata.painting.under_way import Preview

BAR = "{desc} {bar:24} {n_fmt}/{total_fmt} {elapsed}{postfix}"
"""The bar of a pass, in the words of tqdm."""

WIDEST = 100
"""Columns of the terminal that a bar takes at most."""


class AbandonedError(Exception):
    """Nobody waits for the pass any more."""


class Reporter(Protocol):
    """Takes what a pass reports."""

    def say(self, text: str) -> None:
        """Reports a sentence."""

    def detail(self, text: str) -> None:
        """Reports what nobody needs to see while all goes well: the log alone has it."""

    def note(self, text: str) -> None:
        """Reports a sentence that a build prints once: each log has it, the terminal only the first time."""

    def step(self, done: int, steps: int) -> None:
        """Reports that so many steps of a sampler, of so many, are done."""

    def is_watched(self) -> bool:
        """Whether somebody would see a preview."""

    def preview(self, preview: Preview) -> None:
        """Reports what the layer of the pass will look like, as far as that can be told."""

    def check(self) -> None:
        """Raises AbandonedError if nobody waits for the pass any more."""


class JobLog:
    """A job's log file and its line on the terminal: the Reporter of a job.

    Args:
        layer: the file that is made. Its name begins each line.
        file: the open log.
        terminal: usually stderr. On a real terminal a running pass is a bar; elsewhere it is a line at its end, and one every
            ten seconds.
    """

    def __init__(self, layer: str, file: TextIO, terminal: TextIO):
        self.title, self._layer, self._file, self._terminal = layer_title(layer), layer, file, terminal
        self._started = self._last = time.monotonic()
        self._bar: Any = None
        self._after: float | None = None
        self._job = under_way.JobUnderWay(layer, 0, 0, time.time())
        under_way.report(self._job)

    def say(self, text: str) -> None:
        self._write(text)
        self._print(text)

    def detail(self, text: str) -> None:
        self._write(text)

    def note(self, text: str) -> None:
        self._write(text)
        if journal.claim_note(text):
            self._print(text)

    def check(self) -> None:
        """Does nothing: a job's own log is wanted as long as the job lives."""

    def step(self, done: int, steps: int) -> None:
        now = time.monotonic()
        if done == 1:
            self._started = self._last = now
        text = f"step {done} of {steps}, {now - self._started:.1f} s"
        self._write(text)
        self._report(done=done, steps=steps)
        if self._terminal.isatty():
            with suppress(OSError):
                self._draw_bar(done, steps)
        elif done == steps:
            self._print(text)
        elif now - self._last >= 10:
            self._last = now
            self._print(text)

    def is_watched(self) -> bool:
        return under_way.is_watched()

    def preview(self, preview: Preview) -> None:
        self._report(preview=under_way.show(self._layer, preview))

    def close(self) -> None:
        """Says that the job has ended."""
        under_way.forget(self._layer)

    def _report(self, **changed: Any) -> None:
        self._job = replace(self._job, **changed)
        under_way.report(self._job)

    def _draw_bar(self, done: int, steps: int) -> None:
        """Shows the pass as one line that fills, and what remains of the build, of which it is a part."""
        if self._bar is None:
            from tqdm import tqdm  # here: most jobs show no bar

            self._after = remaining.seconds_after(self._layer)
            columns, rows = shutil.get_terminal_size()
            self._bar = tqdm(
                total=steps,
                desc=self.title,
                file=self._terminal,
                bar_format=BAR,
                ncols=min(columns, WIDEST),
                nrows=rows,
            )
        self._bar.n = done
        if self._after is not None and done < steps:
            elapsed = self._bar.format_dict["elapsed"]
            left = elapsed / done * (steps - done) + self._after
            self._bar.set_postfix_str(f"build {_as_time(left)} left", refresh=False)
        else:
            self._bar.set_postfix_str("", refresh=False)
        self._bar.refresh()
        if done == steps:
            self._bar.close()
            self._bar = None

    def _write(self, text: str) -> None:
        self._file.write(f"{text}\n")
        self._file.flush()

    def _print(self, text: str) -> None:
        line = f"{self.title}: {text}"
        with suppress(OSError):  # a terminal that was closed, a pipe that nobody reads any more: the pass goes on
            if self._bar is not None:
                self._bar.write(line, file=self._terminal)
            else:
                print(line, file=self._terminal, flush=True)


def _as_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def layer_title(layer: str) -> str:
    """The name of a layer as people know it: its file within results/."""
    path = Path(layer).with_suffix("")
    return "/".join(path.parts[1:] if path.parts[0] == "results" else path.parts)
