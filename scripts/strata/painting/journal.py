"""The journal of a build: which layers were made, how, and when. Jobs write it, the build's closing line reads it."""

import hashlib
import json
import os
import shutil
import time
from typing import Any, NotRequired, TypedDict

from strata.state import FOLDER, JOURNAL, NOTES

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


class Entry(TypedDict):
    """A finished layer. `how` is a key of WORDS, or SHORT; times are seconds since the epoch."""

    layer: str
    how: str
    started: float
    ended: float
    device: NotRequired[str]


def begin() -> None:
    """Forgets the build before."""
    FOLDER.mkdir(exist_ok=True)
    JOURNAL.write_text("")
    shutil.rmtree(NOTES, ignore_errors=True)


def record(layer: str, how: str, started: float, ended: float | None = None, **more: Any) -> None:
    """Adds a finished layer to the journal.

    Args:
        how: a key of WORDS, or SHORT for one that is still to be made.
        started, ended: when the work on it began and ended, in seconds since the epoch; by default it has just ended.
        more: plain values to keep with it, such as the device.
    """
    entry = {"layer": str(layer), "how": how, "started": started, "ended": ended or time.time(), **more}
    FOLDER.mkdir(exist_ok=True)
    # One write of one line: jobs that run side by side do not tear each other's lines apart.
    descriptor = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{json.dumps(entry)}\n".encode())
    finally:
        os.close(descriptor)


def read() -> list[Entry]:
    """The entries of the latest build, in the order in which they were written."""
    return [json.loads(line) for line in JOURNAL.read_text(encoding="utf-8").splitlines()] if JOURNAL.exists() else []


def count_shortages(layer: str) -> int:
    """How often a device ran out of memory for a layer in this build."""
    return sum(entry["how"] == SHORT and entry["layer"] == str(layer) for entry in read())


def claim_note(sentence: str) -> bool:
    """Whether no job of this build has printed a sentence yet. Of jobs that run side by side, one gets True."""
    NOTES.mkdir(parents=True, exist_ok=True)
    try:
        (NOTES / hashlib.sha256(sentence.encode()).hexdigest()[:16]).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
