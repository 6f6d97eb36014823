"""What is under way in a folder, for whoever looks on: the build, whoever started it, and how far each of its jobs is.

A small file each, that is replaced as the work goes on, and gone when it has ended. A build that was killed leaves its files behind;
its process tells that it is no more.
"""

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from strata.state import UNDER_WAY, WATCHED

BUILD = UNDER_WAY / "build.json"

WATCHED_SECONDS = 10.0
"""For so long somebody looks on who said so by watch()."""


@dataclass(frozen=True)
class Preview:
    """What a job is about to make, as far as it can be told.

    Attributes:
        picture: a small WebP, with alpha where the layer has it.
        box: what it shows of the canvas, (left, top, right, bottom) in rendered pixels.
    """

    picture: bytes
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class PreviewUnderWay:
    """A preview that lies in its file.

    Attributes:
        version: differs from that of every other preview of the job.
        box: see Preview.
    """

    version: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class JobUnderWay:
    """A job at work.

    Attributes:
        layer: the file that it makes.
        done, steps: the steps of the sampler; 0 of 0 until the first, and for a job that runs no model.
        started: when it began, in seconds since the epoch.
        preview: its latest preview; None as long as there is none.
    """

    layer: str
    done: int
    steps: int
    started: float
    preview: PreviewUnderWay | None = None


@dataclass(frozen=True)
class BuildUnderWay:
    """A build at work.

    Attributes:
        pid: of its process.
        started: when it began, in seconds since the epoch.
        jobs: those that are at work, the first to begin first.
    """

    pid: int
    started: float
    jobs: tuple[JobUnderWay, ...]


def begin() -> None:
    """Says that a build of this process begins. What another one left behind is forgotten."""
    shutil.rmtree(UNDER_WAY, ignore_errors=True)
    process = psutil.Process()
    _write(BUILD, {"pid": process.pid, "created": process.create_time(), "started": time.time()})


def end() -> None:
    """Says that the build of this process has ended, if there is one."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        if json.loads(BUILD.read_bytes())["pid"] == os.getpid():
            shutil.rmtree(UNDER_WAY, ignore_errors=True)


def report(job: JobUnderWay) -> None:
    """Says how far a job is. Where that cannot be written, nobody is told."""
    if UNDER_WAY.is_dir():  # else nothing has begun: a job on a node whose build has ended
        _write(_file_of(job.layer), asdict(job))


def show(layer: str, preview: Preview) -> PreviewUnderWay:
    """Puts a preview into its file, in the place of the one before. Who is to see it is told by report()."""
    if UNDER_WAY.is_dir():
        _replace(find_preview(layer), preview.picture)
    return PreviewUnderWay(time.time_ns() // 1_000_000, preview.box)


def find_preview(layer: str) -> Path:
    """The file of a job's latest preview; it need not be there."""
    return _file_of(layer).with_suffix(".webp")


def forget(layer: str) -> None:
    """Says that a job has ended."""
    with suppress(OSError):
        _file_of(layer).unlink(missing_ok=True)
        find_preview(layer).unlink(missing_ok=True)


def watch() -> None:
    """Says that somebody looks on, to be said again within WATCHED_SECONDS."""
    with suppress(OSError):
        WATCHED.parent.mkdir(parents=True, exist_ok=True)
        WATCHED.touch()


def is_watched(folder: str | Path = "") -> bool:
    """Whether somebody looks on, so that it is worthwhile to show more than how far a job is.

    Args:
        folder: the working directory of the build; by default that of this process.
    """
    try:
        return time.time() - Path(folder, WATCHED).stat().st_mtime < WATCHED_SECONDS
    except OSError:
        return False


def find() -> BuildUnderWay | None:
    """The build that is under way in this folder; None if none is."""
    try:
        build = json.loads(BUILD.read_bytes())
        if abs(psutil.Process(build["pid"]).create_time() - build["created"]) > 1:
            return None  # another process has its number by now
        jobs = sorted(_read_jobs(), key=lambda job: job.started)
        return BuildUnderWay(build["pid"], build["started"], tuple(jobs))
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _read_jobs() -> list[JobUnderWay]:
    jobs = []
    for path in UNDER_WAY.glob("job-*.json"):
        with suppress(OSError, ValueError, TypeError, KeyError):  # it ended meanwhile
            job = JobUnderWay(**json.loads(path.read_bytes()))
            jobs.append(replace(job, preview=_read_preview(job.preview)))
    return jobs


def _read_preview(described: Any) -> PreviewUnderWay | None:
    return described and PreviewUnderWay(described["version"], tuple(described["box"]))


def _file_of(layer: str) -> Path:
    return UNDER_WAY / f"job-{hashlib.sha256(layer.encode()).hexdigest()[:16]}.json"


def _write(path: Path, content: dict[str, object]) -> None:
    _replace(path, json.dumps(content).encode())


def _replace(path: Path, content: bytes) -> None:
    """Replaces a file in one step, so that nobody reads a part. It need not outlive a crash."""
    part = path.with_suffix(".part")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
