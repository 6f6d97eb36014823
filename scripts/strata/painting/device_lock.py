"""One pass at a time on a device, whoever starts it: Snakemake's own limit covers one workflow alone, and not always."""

import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from strata.errors import StrataError
from strata.files import cannot_write

# These say which devices a process may use. Whoever hands devices out, such as the queue of a cluster, sets them.
VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")


def count_devices() -> int:
    """How many devices this process may use: passes that may run side by side. At least 1."""
    return max(1, *(len(list(filter(None, os.environ.get(name, "").split(",")))) for name in VISIBLE))


def user_folder() -> Path:
    """Where this user's locks and sockets are: on this machine's own disk, and closed to everybody else.

    Raises:
        StrataError: somebody else made it, or opened it to others.
    """
    user = os.getuid() if hasattr(os, "getuid") else os.environ["USERNAME"]
    folder = Path(tempfile.gettempdir()) / f"strata-{user}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise StrataError(cannot_write(folder, error)) from None
    found = folder.lstat()
    mine = not hasattr(os, "getuid") or (
        found.st_uid == os.getuid() and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    )
    if not stat.S_ISDIR(found.st_mode) or not mine:
        raise StrataError(
            f"{folder} must be a folder of yours that is closed to others (mode 700), and is not. Remove it, or set TMPDIR "
            "to a folder of your own."
        )
    return folder


@contextmanager
def hold_one(
    devices: Sequence[str], folder: Path | None = None, while_waiting: Callable[[], None] = lambda: None
) -> Iterator[str]:
    """Waits until one of `devices` is free, and holds it.

    Args:
        devices: names that are the same for every process of the machine, best first.
        while_waiting: called now and then until one is free; what it raises ends the wait.

    Yields:
        the name of the device that is held. The operating system lets go of it when the process ends, however it ends.
    """
    folder = folder or user_folder()
    while True:
        while_waiting()
        for device in devices:
            lock = FileLock(folder / f"{device.replace(':', '-')}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            try:
                yield device
            finally:
                lock.release()
            return
        time.sleep(0.05)
