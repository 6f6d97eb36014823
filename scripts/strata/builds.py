"""A build from its first job to its last: one at a time in a folder, and a line at the end that says what was done."""

import gc
import hashlib
import json
import os
import shutil
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout

from strata import attempts
from strata.errors import StrataError

FOLDER = Path(".strata")
JOURNAL = FOLDER / "build.jsonl"
LOCK = FOLDER / "build.lock"
SAID = FOLDER / "said"

WORDS = {
    "painted": "painted",
    "store": "from the store",
    "drawn": "drawn",
    "composited": "composited",
    "fetched": "fetched",  # a model
    "there": "already there",  # a model
    "enlarged": "made larger",
}

SHORT = "short"  # a device ran out of memory

RARELY = (100_000, 50, 100)
"""When Python looks for garbage, instead of (700, 10, 10). The jobs of many scenes are objects that stay to the end: going
through them again and again would be a tenth of a dry run, and find nothing."""


class Build:
    """Holds the folder from `begin` until the build ends, or its process.

    The lock is the operating system's, which takes it back however the process ends: after a crash the same command
    just works, which Snakemake's own lock files do not allow.
    """

    def __init__(self):
        self._lock = FileLock(LOCK)
        self._started = 0.0
        attempts.leave()
        gc.set_threshold(*RARELY)

    def begin(self) -> None:
        FOLDER.mkdir(exist_ok=True)
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise StrataError(
                f"Another build is at work in {Path.cwd()}. Wait for it to end, or give this one its own --directory."
            ) from None
        self._started = time.time()
        JOURNAL.write_text("")
        shutil.rmtree(SAID, ignore_errors=True)
        attempts.begin()

    def end(self) -> str:
        """The closing line: the pictures, what was done for them, and the time that it took."""
        took = time.time() - self._started
        self.release()
        _stop_waiting()
        return summary([entry for entry in _entries() if entry["how"] != SHORT], took)

    def release(self) -> None:
        """Lets go of the folder, also when the build failed: its process may live on and build again."""
        self._lock.release()
        attempts.leave()


def _stop_waiting() -> None:
    """Lets the process end now.

    Snakemake starts a timer of a second with each job, to look for more that may be submitted; Python waits for all of
    them before it ends, also when there is nothing left to do.
    """
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


def _entries() -> list[dict]:
    return [json.loads(line) for line in JOURNAL.read_text(encoding="utf-8").splitlines()] if JOURNAL.exists() else []


def record(layer: str, how: str, started: float, ended: float | None = None, **more) -> None:
    """Adds a finished layer to the journal of the build.

    Args:
        how: a key of WORDS, or SHORT for one that is still to be made.
        started, ended: when the work on it began and ended, in seconds since the epoch; by default it has just ended.
        more: plain values to keep beside, such as the device.
    """
    entry = {"layer": str(layer), "how": how, "started": started, "ended": ended or time.time(), **more}
    FOLDER.mkdir(exist_ok=True)
    # One write of one line: jobs that run side by side do not tear each other's lines apart.
    descriptor = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{json.dumps(entry)}\n".encode())
    finally:
        os.close(descriptor)


def shortages(layer: str) -> int:
    """How often a device ran out of memory for a layer in this build."""
    return sum(entry["how"] == SHORT and entry["layer"] == str(layer) for entry in _entries())


def first(sentence: str) -> bool:
    """Whether no job of this build has said it yet. The jobs may run side by side; one of them is told True."""
    SAID.mkdir(parents=True, exist_ok=True)
    try:
        (SAID / hashlib.sha256(sentence.encode()).hexdigest()[:16]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def summary(entries: list[dict], took: float) -> str:
    """One line about the finished layers of a build, which took so many seconds."""
    pictures = [entry["layer"] for entry in entries if Path(entry["layer"]).name.startswith(("final.", "final@"))]
    done = []
    for how, words in WORDS.items():
        names = [_name(entry["layer"]) for entry in entries if entry["how"] == how]
        if how not in ("drawn", "composited") and names:
            done.append(f"{', '.join(names)} {words}")
    where = ", ".join(pictures) or "No picture asked for"
    return f"{where}: {'; '.join(done) or 'nothing painted'}; {took:.1f} s"


def _name(layer: str) -> str:
    """A layer's name, or a model's, which is no file."""
    return Path(layer).stem if layer.endswith(".png") else layer
