"""Finished passes by their content: an edit that is taken back costs a copy, and equal passes are painted once.

A folder of sealed PNGs, each named by the key of its pass: the digest of all that decides it. What leaves the store is a copy and
never a link: removing the store loses no layer, and retouching a layer changes nothing in the store. An entry whose seal does not
hold, or is that of another pass, is dropped and never handed out.

A second folder on a shared disk may stand behind the first, for a team: what the first does not hold is read from there, and what
is painted is put into both. There are no locks in it, since an entry is written whole and renamed, and any two writers of one
write the same.

The store saves time and is never needed: whatever is wrong with its folders is said, and the pass is painted.
"""

import glob
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from strata.errors import StrataError
from strata.files import is_file, replacing
from strata.seals import read_seal

Say = Callable[[str], None]
"""Reports a sentence."""

ABANDONED_SECONDS = 86_400  # a half-written entry that is so old was left by a process that was killed


UNKEYED_PARTS = {"plate", "stack", "depth", "image", "where", "reference", "style_picture", "control_picture"}
"""The parts of a pass that say where the pixels that it reads come from: layers by name, a file, its key in the config."""


def make_key(spec: Mapping[str, Any], pixels: bytes) -> str:
    """The digest of a resolved pass (its model's fingerprint and its code's digest are in it) and the pixels it reads.

    Where those pixels came from does not count, so that UNKEYED_PARTS are left out.
    """
    spec = {name: value for name, value in spec.items() if name not in UNKEYED_PARTS}
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode())
    digest.update(b"\0" + pixels)
    return digest.hexdigest()


class Store:
    """The finished passes of one workflow, and those of a team.

    Args:
        folder: where; it is made when the first pass is put.
        limit: its size in bytes. What was used longest ago goes first; 0 keeps nothing.
        shared: a folder that others read and write, too; None for none.
        say: reports what is wrong with an entry or a folder.
    """

    def __init__(
        self, folder: str | Path, limit: float, shared: str | Path | None = None, say: Say = lambda text: None
    ):
        self.folder, self.limit = Path(folder), limit
        self.shared = Path(shared) if shared else None
        self._say = say

    def fetch(self, key: str, layer: str | Path) -> bool:
        """Copies a finished pass to `layer`; False if the store does not hold it.

        Raises StrataError if the layer cannot be written.
        """
        png = self._read(self.folder, key) if self.limit else None
        if png is None and self.shared:
            png = self._read(self.shared, key)
            if png is not None:
                self._write(self.folder, key, png)
        if png is None:
            return False
        with replacing(layer) as target:
            target.write(png)
        return True

    def find(self, key: str) -> Path | None:
        """The file of an entry, intact or not; None if there is none."""
        folders = [self.folder] * bool(self.limit) + [self.shared] * bool(self.shared)
        entries = (_entry(folder, key) for folder in folders if folder is not None)
        return next((entry for entry in entries if is_file(entry)), None)

    def put(self, key: str, layer: str | Path) -> None:
        """Keeps a copy of a finished layer, and lets go of the oldest beyond the limit."""
        if not self.limit and not self.shared:
            return
        try:
            png = Path(layer).read_bytes()
        except OSError as error:
            self._say(f"not kept in the store: {layer} cannot be read again ({error.strerror})")
            return
        if read_seal(png) != key:
            self._say(f"not kept in the store: {layer} is no longer what was painted")
            return
        self._write(self.folder, key, png)
        if self.shared and not is_file(_entry(self.shared, key)):
            self._write(self.shared, key, png)

    @contextmanager
    def claim(self, key: str) -> Iterator[None]:
        """Holds a pass: whoever wants an equal one waits, and then finds it in the store."""
        with ExitStack() as held:
            if self.limit:
                # A lock file that is deleted can be held twice, so they stay: one for each folder of entries, 256 at most.
                lock = _entry(self.folder, key).with_name("lock")
                # Without a lock, equal passes may both be painted.
                with suppress(OSError, NotImplementedError):
                    lock.parent.mkdir(parents=True, exist_ok=True)
                    held.enter_context(FileLock(lock))
            yield

    def _read(self, folder: Path, key: str) -> bytes | None:
        """The bytes of an entry; None if there is none that is intact."""
        entry = _entry(folder, key)
        try:
            png = entry.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say(f"{entry} cannot be read ({error.strerror}): the pass is painted")
            return None
        if read_seal(png) != key:
            self._say(f"{entry} is damaged: it is dropped, and the pass is painted")
            with suppress(OSError):
                entry.unlink()
            return None
        with suppress(OSError):
            os.utime(entry)  # the time of its last use
        return png

    def _write(self, folder: Path, key: str, png: bytes) -> None:
        if folder == self.folder and not self.limit:
            return
        try:
            with replacing(_entry(folder, key), shared=True) as target:
                target.write(png)
        except StrataError as error:
            self._say(f"not kept in the store: {error}")
        if folder == self.folder:
            trim(folder, self.limit)


def _entry(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}.png"


def _glob(folder: Path, pattern: str) -> list[Path]:
    # Not Path.glob(), which fails on a folder that another process takes away meanwhile.
    return [folder / name for name in glob.glob(pattern, root_dir=folder)]  # noqa: PTH207


def list_entries(folder: Path) -> list[tuple[float, int, Path]]:
    """The entries of a store's folder, the longest unused first: the time of last use, the size in bytes, the file."""
    entries = []
    for path in _glob(folder, "??/*.png"):
        with suppress(OSError):  # another process may take it away meanwhile
            stat = path.stat()
            entries.append((stat.st_mtime, stat.st_size, path))
    return sorted(entries)


def trim(folder: Path, limit: float) -> int:
    """Removes the entries that were used longest ago beyond `limit` bytes, and returns how many bytes that were.

    What killed processes left half-written goes, too.
    """
    for part in _glob(folder, "??/.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > ABANDONED_SECONDS:
                part.unlink()
    entries = list_entries(folder)
    total = excess = sum(size for _, size, _ in entries) - limit
    for _, size, path in entries:
        if excess <= 0:
            break
        with suppress(OSError):
            path.unlink()
            excess -= size
    return round(max(total, 0) - max(excess, 0))


def drop_damaged(folder: Path) -> list[Path]:
    """Removes the entries whose seal does not hold, and returns them."""
    damaged = []
    for _, _, path in list_entries(folder):
        with suppress(OSError):
            if read_seal(path.read_bytes()) != path.stem:
                path.unlink()
                damaged.append(path)
    return damaged
