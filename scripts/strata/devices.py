"""One pass at a time on a device, whoever starts it: Snakemake's own limit covers one workflow alone, and not always."""

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


def locks_folder() -> Path:
    """Where this user's locks are: on this machine's own disk, for nobody else to touch."""
    folder = Path(tempfile.gettempdir()) / f"strata-{os.getuid() if hasattr(os, 'getuid') else os.environ['USERNAME']}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@contextmanager
def exclusive(devices: Sequence[str], folder: Path | None = None) -> Iterator[str]:
    """Waits until one of `devices` is free, and holds it.

    Args:
        devices: names that are the same for every process of the machine, best first.

    Yields:
        the name of the device that is held. The operating system lets go of it when the process ends, however it ends.
    """
    folder = folder or locks_folder()
    while True:
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
