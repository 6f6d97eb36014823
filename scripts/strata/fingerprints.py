"""Digests of files by their content, remembered so that gigabytes are not read for each build."""

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.files import replacing

# Weights and what configures them. A model card beside them decides nothing.
MODEL_FILES = (".safetensors", ".json", ".txt", ".model")

LENGTH = 16
"""Hexadecimal digits of a short digest."""


def fingerprint_folder(path: Path, memory: Path | None = None) -> str:
    """The short digest of the files that make a model, by their names and their content.

    Args:
        memory: a JSON file that remembers the digest of each file, which holds as long as the file's size, time of change
            and inode do. None reads all files.
    """
    files = sorted(file for file in path.rglob("*") if file.suffix in MODEL_FILES and file.is_file())
    digest = hashlib.sha256()
    for file, its in digest_files(files, memory).items():
        digest.update(f"{file.relative_to(path).as_posix()} {its}\n".encode())
    return digest.hexdigest()[:LENGTH]


def fingerprint_file(path: Path, memory: Path | None = None) -> str:
    """The short digest of one file's content, remembered as in fingerprint_folder()."""
    return digest_files([path], memory)[path][:LENGTH]


def digest_files(files: Iterable[Path], memory: Path | None = None) -> dict[Path, str]:
    """The SHA-256 of each file's content, remembered as in fingerprint_folder()."""
    return remembered(files, memory, _sha256)


def remembered(files: Iterable[Path], memory: Path | None, examine: Callable[[Path], Any]) -> dict[Path, Any]:
    """What `examine` finds in each file (a value that JSON can hold), remembered as in fingerprint_folder()."""
    known = _recall(memory)
    seen, found = {}, {}
    for file in files:
        stat = file.stat()
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        key = str(file.resolve())
        entry = known.get(key)
        seen[key] = entry if entry and entry[0] == state else [state, examine(file)]
        found[file] = seen[key][1]
    if memory and any(known.get(key) != entry for key, entry in seen.items()):
        _remember(memory, known | seen)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recall(memory: Path | None) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_text()) if memory else {}
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(memory: Path, entries: dict[str, Any]) -> None:
    # It only saves time: a folder that cannot be written costs the next build another reading.
    with suppress(StrataError), replacing(memory) as file:
        file.write(json.dumps(entries).encode())
