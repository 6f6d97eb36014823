"""A rule's script from its begin to its end: its log, its rerun mark, its entry in the journal, and what is said of errors."""

import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.exits import sentences
from strata.painting import journal
from strata.painting.progress import JobLog, layer_title
from strata.workflow.marks import marked


@dataclass(frozen=True)
class Job:
    """A job at work.

    Attributes:
        layer: the file to make.
        spec: what the rule was told about it, see passes.py.
        log: where to report.
    """

    layer: str
    spec: Any
    log: JobLog
    started: float

    @property
    def size(self) -> tuple[int, int]:
        """The layer's (width, height) in pixels."""
        return self.spec["width"], self.spec["height"]

    def record(self, how: str) -> None:
        """Adds the finished layer to the build's journal. `how` is a key of journal.WORDS."""
        journal.record(self.layer, how, self.started)


@contextmanager
def running(log: str, layer: str, spec: Mapping[str, Any]) -> Iterator[Job]:
    """Runs a job that makes a layer. A StrataError ends the process with its sentence; the log holds it, too.

    Args:
        log: the job's log file.
        spec: the rule's `spec`, with its mark.
    """
    started = time.time()
    without_mark = {key: value for key, value in spec.items() if key != "mark"}
    with logging(log, layer_title(layer)) as job_log, marked(layer, spec["mark"]):
        yield Job(layer, without_mark, job_log, started)


@contextmanager
def logging(log: str, title: str) -> Iterator[JobLog]:
    """Opens a job's log. Errors go into it, and end the process with a sentence.

    An unforeseen error is in the log with its traceback; the sentence says so.
    """
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    with sentences(), path.open("w", encoding="utf-8") as file:
        try:
            yield JobLog(title, file, sys.stderr)
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
