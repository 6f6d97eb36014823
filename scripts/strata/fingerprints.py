"""Digests of files by their content, remembered so that gigabytes are not read for each build."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.files import replacing

# Weights and what configures them. A model card beside them decides nothing.
MODEL_FILES = (".safetensors", ".json", ".txt", ".model", ".jinja")

LENGTH = 16
"""Hexadecimal digits of a short digest."""

UNSETTLED_NS = 2_000_000_000
"""A file whose inode changed so short a time before it was read may change again and keep its times: they are that coarse."""


def list_model_files(folder: Path) -> list[Path]:
    """The files below a folder that make a model, sorted. Links are followed, also those to folders."""
    return sorted(path for path in _walk(folder, frozenset()) if path.suffix in MODEL_FILES)


def _walk(folder: Path, above: frozenset[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:
        return  # a link to a folder that holds it
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir():
            yield from _walk(Path(entry.path), above | {real})
        elif entry.is_file():
            yield Path(entry.path)


def fingerprint_folder(path: Path, memory: Path | None = None) -> str:
    """The short digest of the files that make a model, by their names and their content.

    Args:
        memory: a JSON file that remembers the digest of each file, which holds as long as the file's size, its times of
            modification and of change, and its inode do. None reads all files.
    """
    digest = hashlib.sha256()
    for file, its in digest_files(list_model_files(path), memory).items():
        digest.update(f"{file.relative_to(path).as_posix()} {its}\n".encode())
    return digest.hexdigest()[:LENGTH]


def fingerprint_file(path: Path, memory: Path | None = None) -> str:
    """The short digest of one file's content, remembered as in fingerprint_folder()."""
    return digest_files([path], memory)[path][:LENGTH]


def digest_files(files: Iterable[Path], memory: Path | None = None) -> dict[Path, str]:
    """The SHA-256 of each file's content, remembered as in fingerprint_folder()."""
    return remembered(files, memory, digest_file)


def remembered(files: Iterable[Path], memory: Path | None, examine: Callable[[Path], Any]) -> dict[Path, Any]:
    """What `examine` finds in each file (a value that JSON can hold), remembered as in fingerprint_folder()."""
    known = Memory(memory)
    found = {file: known.examine(file, examine) for file in files}
    known.save()
    return found


class Memory:
    """What was found in files, for as long as they stay the same.

    Args:
        path: the JSON file that keeps it between processes; None keeps nothing.
    """

    def __init__(self, path: Path | None):
        self._path = path
        self._known = _recall(path)
        self._new: dict[str, Any] = {}

    def examine(self, file: Path, examine: Callable[[Path], Any]) -> Any:
        """What `examine` finds in a file, now or when it was asked before.

        Raises OSError if the file is not there.
        """
        key = os.path.realpath(file)
        stat = Path(key).stat()
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        entry = self._known.get(key)
        if entry is not None and entry[0] == state and entry[2] - stat.st_ctime_ns > UNSETTLED_NS:
            return entry[1]
        taken = time.time_ns()
        self._known[key] = self._new[key] = [state, examine(file), taken]
        return self._known[key][1]

    def save(self) -> None:
        """Writes down what was found since. It only saves time: where it cannot be written, nothing happens."""
        if self._path and self._new:
            with suppress(StrataError), replacing(self._path) as file:
                file.write(json.dumps(_recall(self._path) | self._new).encode())
            self._new = {}


def digest_file(path: Path) -> str:
    """The SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recall(memory: Path | None) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_bytes()) if memory else {}
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {key: entry for key, entry in known.items() if isinstance(entry, list) and len(entry) == 3}
