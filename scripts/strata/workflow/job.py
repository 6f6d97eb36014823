"""A rule's script from its begin to its end: its log, its record, its entry in the journal, and what is said of errors."""

import io
import math
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from strata.errors import StrataError
from strata.exits import sentences
from strata.files import Reader, set_time
from strata.painting import history, journal
from strata.painting.progress import JobLog, layer_title
from strata.workflow import records


@dataclass(frozen=True)
class Job:
    """A job at work.

    Attributes:
        layer: the file to make.
        spec: what the rule was told about it, see passes.py.
        log: where to report.
        reader: reads what the layer is made from, so that its record can say so.
    """

    layer: str
    spec: Any
    log: JobLog
    started: float
    reader: Reader = field(default_factory=Reader)

    @property
    def size(self) -> tuple[int, int]:
        """The layer's (width, height) in pixels."""
        return self.spec["width"], self.spec["height"]

    def finish(self, how: str, work: float | None = None) -> None:
        """Adds the finished layer to the build's journal, and the seconds that it took to the folder's history.

        Args:
            how: a key of journal.WORDS.
            work: what the seconds grow with; by default the layer's pixels.
        """
        ended = time.time()
        journal.record(self.layer, how, self.started, ended)
        seconds = round(ended - self.started, 3)
        work = math.prod(self.size) if work is None else work
        history.add({"what": how, "how": how, "work": work, "seconds": seconds})


@contextmanager
def running(snakemake: Any, layer: str) -> Iterator[Job]:
    """Runs a job that makes a layer, and records what it was made from.

    A StrataError ends the process with its sentence; the log holds it, too.

    Args:
        snakemake: the script's object.
        layer: the first of its outputs.
    """
    with logging(snakemake.log[0], layer) as log:
        spec = snakemake.params.spec
        job = Job(layer, dict(spec), log, time.time())
        yield job
        _date(snakemake.output, snakemake.input)
        records.write(layer, spec, job.reader.digests)


def _date(outputs: Iterable[str], inputs: Iterable[str]) -> None:
    """Makes outputs at least as new as the inputs, on which Snakemake insists. A clock that was set back would have it fail."""
    newest = max((Path(path).stat().st_mtime_ns for path in inputs if Path(path).exists()), default=0)
    for path in map(Path, outputs):
        if path.stat().st_mtime_ns < newest:
            set_time(path, newest)


@contextmanager
def logging(log: str, layer: str) -> Iterator[JobLog]:
    """Opens a job's log. Errors go into it, and end the process with a sentence.

    An unforeseen error is in the log with its traceback; the sentence says so.
    """
    path = Path(log)
    with sentences(), _open_log(path) as file:
        job_log = JobLog(layer, file, sys.stderr)
        try:
            yield job_log
        except StrataError as error:
            file.write(f"{error}\n")
            raise
        except KeyboardInterrupt:
            file.write("interrupted\n")
            raise StrataError(f"{layer_title(layer)} was interrupted. The same command goes on with it.") from None
        except Exception as error:
            traceback.print_exc(file=file)
            kind = type(error).__name__
            raise StrataError(
                f"{layer_title(layer)} failed unexpectedly: {kind}: {error}. {path} holds the traceback."
            ) from None
        finally:
            job_log.close()


def _open_log(path: Path) -> TextIO:
    """The log file; where it cannot be written, what would be in it is lost, and the layer is not."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _LenientLog(path.open("wb", buffering=0), encoding="utf-8", write_through=True)
    except OSError as error:
        print(f"{path} cannot be written ({error.strerror}): this job keeps no log.", file=sys.stderr)
        return io.StringIO()


class _LenientLog(io.TextIOWrapper):
    """A log that loses what does not fit on the disk."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()

    def close(self) -> None:
        with suppress(OSError):
            super().close()
