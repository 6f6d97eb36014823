"""The journal of a build: which layers were made, how, and when. Jobs write it, the build's closing line reads it."""

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from strata.state import FOLDER, HISTORY, JOURNAL, NOTES

WORDS = {
    "painted": "painted",
    "store": "from the store",
    "kept": "kept",  # it was right already
    "drawn": "drawn",
    "composited": "composited",
    "fetched": "fetched",  # a model
    "there": "already there",  # a model
    "enlarged": "made larger",
}

FAILED = "failed"  # the pass cannot be painted


class Entry(TypedDict):
    """A finished layer. `how` is a key of WORDS, or FAILED; times are seconds since the epoch.

    `loads` says how many models were loaded for it.
    """

    layer: str
    how: str
    started: float
    ended: float
    device: NotRequired[str]
    loads: NotRequired[int]
    sentence: NotRequired[str]
    key: NotRequired[str]


def begin() -> None:
    """Forgets the build before."""
    with suppress(OSError):
        FOLDER.mkdir(exist_ok=True)
        JOURNAL.write_text("")
    shutil.rmtree(NOTES, ignore_errors=True)


def record(layer: str, how: str, started: float, ended: float | None = None, **more: Any) -> None:
    """Adds a finished layer to the journal.

    Args:
        how: a key of WORDS, or FAILED for one that could not be made.
        started, ended: when the work on it began and ended, in seconds since the epoch; by default it has just ended.
        more: plain values to keep with it, such as the device.
    """
    entry = {"layer": str(layer), "how": how, "started": started, "ended": ended or time.time(), **more}
    _append(JOURNAL, entry)
    if how in ("painted", "store"):
        _append(HISTORY, {"layer": str(layer), "how": how, "seconds": round(entry["ended"] - started, 3)})


def describe_savings() -> str:
    """A sentence about what the store has saved in this folder; empty if nothing yet."""
    entries = _read(HISTORY)
    painted = [entry["seconds"] for entry in entries if entry["how"] == "painted" and "seconds" in entry]
    fetched = sum(entry["how"] == "store" for entry in entries)
    if not fetched:
        return ""
    worth = f", about {fetched * sum(painted) / len(painted):.0f} s of painting" if painted else ""
    return f"It has saved {fetched} passes here{worth}."


def _append(path: Path, entry: dict[str, Any]) -> None:
    with suppress(OSError):  # what cannot be written down is missing from the closing line, and no layer is lost for it
        FOLDER.mkdir(exist_ok=True)
        # One write of one line: jobs that run side by side do not tear each other's lines apart.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, f"{json.dumps(entry)}\n".encode())
        finally:
            os.close(descriptor)


def read() -> list[Entry]:
    """The entries of the latest build, in the order in which they were written."""
    return [cast(Entry, entry) for entry in _read(JOURNAL)]


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        with suppress(ValueError):  # the last one may be half-written
            entry = json.loads(line)
            if isinstance(entry, dict) and {"layer", "how"} <= entry.keys():
                entries.append(entry)
    return entries


def find_failure(layer: str, key: str) -> str | None:
    """What was wrong with a layer that could not be made in this build; None if nothing was.

    Args:
        key: the digest of its pass.
    """
    failed = (entry for entry in read() if entry["how"] == FAILED and entry["layer"] == str(layer))
    return next((entry["sentence"] for entry in failed if entry.get("key") == key and "sentence" in entry), None)


def claim_note(sentence: str) -> bool:
    """Whether no job of this build has printed a sentence yet. Of jobs that run side by side, one gets True."""
    note = NOTES / hashlib.sha256(sentence.encode()).hexdigest()[:16]
    try:
        NOTES.mkdir(parents=True, exist_ok=True)
        note.touch(exist_ok=False)
    except OSError:
        return not note.exists()
    return True
