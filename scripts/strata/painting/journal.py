"""The journal of a build: which layers were made, how, and when. Jobs write it, the build's closing line reads it."""

import hashlib
import json
import shutil
import time
from contextlib import suppress
from typing import Any, NotRequired, TypedDict, cast

from strata.files import append_line
from strata.state import FOLDER, JOURNAL, NOTES

WORDS = {
    "painted": "painted",
    "store": "from the store",
    "kept": "kept",  # it was right already
    "drawn": "drawn",
    "composited": "composited",
    "fetched": "fetched",  # a model
    "there": "already there",  # a model
    "enlarged": "made larger",
    "written": "written",  # a scene's file
    "laid out": "laid out",  # a contact sheet
    "exported": "exported",
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
    waiting: NotRequired[float]
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
    with suppress(OSError):  # what cannot be written down is missing from the closing line, and no layer is lost for it
        append_line(JOURNAL, json.dumps(entry))


def read() -> list[Entry]:
    """The entries of the latest build, in the order in which they were written."""
    try:
        lines = JOURNAL.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        with suppress(ValueError):  # the last one may be half-written
            entry = json.loads(line)
            if isinstance(entry, dict) and {"layer", "how"} <= entry.keys():
                entries.append(cast(Entry, entry))
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
