"""Writing files whole or not at all."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from strata.errors import StrataError


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Opens a file that replaces `path` when the block ends well, and leaves it alone otherwise.

    It is written beside `path`, flushed to the disk, then renamed: whoever looks sees the old file or the new one, never
    a part, whatever kills the process. A full disk and the like raise a StrataError that names `path`.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
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


def cannot_write(path: str | Path, error: OSError) -> str:
    """The sentence about an error of the operating system while writing."""
    remedy = {
        errno.ENOSPC: "The disk is full: free some space (the store of finished passes may be removed), then build again.",
        errno.EDQUOT: "Your quota is used up: free some space, then build again.",
        errno.EACCES: "Give yourself the right to write there.",
        errno.EROFS: "The disk is read-only: build in another folder, with --directory.",
    }.get(error.errno or 0, "Fix that, then build again.")
    return f"{path} could not be written: {error.strerror or error}. {remedy}"
