"""Finished passes by their content: an edit that is taken back costs a copy, and equal passes are painted once.

A folder of PNGs, each named by the digest of all that decides it. What leaves the store is a copy and never a link:
removing the store loses no layer, and retouching a layer changes nothing in the store.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from strata.files import replacing


def make_key(spec: Mapping[str, Any], pixels: bytes) -> str:
    """The digest of a resolved pass (its model's fingerprint and its code's digest are in it) and the pixels it reads.

    Where those pixels came from does not count, so that `plate`, the names of the layers, is left out.
    """
    spec = {name: value for name, value in spec.items() if name != "plate"}
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode())
    digest.update(b"\0" + pixels)
    return digest.hexdigest()


class Store:
    """A folder of finished passes.

    Args:
        folder: where; it is made when the first pass is put.
        limit: its size in bytes. What was used longest ago goes first; 0 keeps nothing.
    """

    def __init__(self, folder: str | Path, limit: float):
        self.folder, self.limit = Path(folder), limit

    def fetch(self, key: str, layer: str | Path) -> bool:
        """Copies a finished pass to `layer`; False if the store does not hold it."""
        if not self.limit:
            return False
        entry = self._entry(key)
        try:
            with entry.open("rb") as source, replacing(layer) as target:
                shutil.copyfileobj(source, target)
        except FileNotFoundError:
            return False
        _touch(entry)
        return True

    def holds(self, key: str) -> bool:
        return self._entry(key).is_file()

    def put(self, key: str, layer: str | Path) -> None:
        """Keeps a copy of a finished layer, and lets go of the oldest beyond the limit."""
        if not self.limit:
            return
        with Path(layer).open("rb") as source, replacing(self._entry(key)) as target:
            shutil.copyfileobj(source, target)
        self._trim()

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Holds a pass: whoever wants an equal one waits, and then finds it in the store."""
        if not self.limit:
            yield
            return
        # A lock file that is deleted can be held twice, so they stay: one for each folder of entries, 256 at most.
        lock = self._entry(key).with_name("lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            yield

    def _entry(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.png"

    def _trim(self) -> None:
        entries = sorted((path.stat().st_mtime_ns, path.stat().st_size, path) for path in self.folder.glob("??/*.png"))
        excess = sum(size for _, size, _ in entries) - self.limit
        for _, size, path in entries:
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size


def _touch(entry: Path) -> None:
    # The time of the file is that of its last use. Where the store is read-only, its order stays as it is.
    try:
        os.utime(entry)
    except OSError:
        return
