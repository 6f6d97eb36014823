"""Writing files whole or not at all."""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from strata.errors import StrataError

ReadFile = Callable[[str | Path], bytes]
"""Gives the content of a file."""


def read_file(path: str | Path) -> bytes:
    """The content of a file."""
    return Path(path).read_bytes()


def expand_user(path: str | Path) -> Path:
    """A path with `~` replaced by the home folder. That of an unknown user stays as it is, and so is not there."""
    return Path(os.path.expanduser(path))  # noqa: PTH111, Path.expanduser() raises for an unknown user


def exists(path: str | Path) -> bool:
    """Whether there is something of that name; False also for what cannot be a name, or is a link to itself."""
    return os.path.exists(path)  # noqa: PTH110, Path.exists() raises for a name that is too long


def is_file(path: str | Path) -> bool:
    """Whether there is a file of that name, see exists()."""
    return os.path.isfile(path)  # noqa: PTH113, as above


FileState = tuple[int, int, int]
"""Tells whether a file is still the one that was seen: the time of its last change in nanoseconds, its size, and its number."""


def find_state(path: Path) -> FileState | None:
    """The state of a file; None if it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


class Reader:
    """Reads files whole, and remembers the SHA-256 of each, as it was read.

    Attributes:
        digests: those of the files that were read, by the paths by which they were asked for.
    """

    def __init__(self) -> None:
        self.digests: dict[str, str] = {}

    def read(self, path: str | Path) -> bytes:
        """The content of a file."""
        content = read_file(path)
        self.digests[str(path)] = hashlib.sha256(content).hexdigest()
        return content


@contextmanager
def replacing(path: str | Path, shared: bool = False) -> Iterator[BinaryIO]:
    """Opens a file that replaces `path` when the block ends well, and leaves it alone otherwise.

    It is written beside `path`, flushed to the disk, then renamed: whoever looks sees the old file or the new one, never
    a part, whatever kills the process. A full disk and the like raise a StrataError that names `path`.

    Args:
        shared: whether others may write the same file at the same time, perhaps on other machines.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part" if shared else f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise StrataError(cannot_write(path, error)) from None
    finally:
        with suppress(OSError):
            part.unlink()


def set_time(path: Path, time_ns: int) -> None:
    """Gives a file a time of modification, in nanoseconds.

    Only its owner may do that. In a folder that several people build in, a file of somebody else is replaced by a copy.
    """
    try:
        os.utime(path, ns=(time_ns, time_ns))
    except PermissionError:
        content = path.read_bytes()
        with replacing(path) as file:
            file.write(content)
        os.utime(path, ns=(time_ns, time_ns))


def cannot_write(path: str | Path, error: OSError) -> str:
    """The sentence about an error of the operating system while writing."""
    remedy = {
        errno.ENOSPC: "The disk is full: free some space (the store of finished passes may be removed), then build again.",
        errno.EDQUOT: "Your quota is used up: free some space, then build again.",
        errno.EACCES: "Give yourself the right to write there.",
        errno.EROFS: "The disk is read-only: build in another folder, with --directory.",
    }.get(error.errno or 0, "Fix that, then build again.")
    return f"{path} could not be written: {error.strerror or error}. {remedy}"


def append_line(path: Path, line: str) -> None:
    """Adds a line to a file in one write, so that processes side by side do not tear each other's lines apart.

    A line before it that a full disk has cut stays a line of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        is_cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        begin = "\n" if is_cut else ""
        os.write(descriptor, f"{begin}{line}\n".encode())
    finally:
        os.close(descriptor)


def forget_old_lines(path: Path, most: int) -> None:
    """Drops the older half of a file of lines that is larger than so many bytes; where that cannot be, it stays."""
    with suppress(OSError, StrataError):
        if path.stat().st_size > most:
            lines = path.read_bytes().splitlines(keepends=True)
            with replacing(path) as file:
                file.write(b"".join(lines[len(lines) // 2 :]))
