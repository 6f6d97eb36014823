"""Rerun marks: how a layer whose job failed is made again, although an older file of it is in its place."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from strata.state import BUILD_NAME, MARKS


class Marks:
    """The marks of all layers, one small file each.

    A layer stays in its place until the next version of it is whole (Snakemake's `update`). When a job fails, Snakemake keeps
    the older file, too, but records the params of the job that failed, so that the next build would find nothing to do.
    Therefore each layer has a mark, which is part of its rule's params. The marks of a layer, with `b1`, `b2` for the names
    of builds:

        | what happened                              | the file holds | this build reads | the next build reads |
        | ------------------------------------------ | -------------- | ---------------- | -------------------- |
        | never failed                               | (no file)      | ""               | ""                   |
        | a job of b1 began, or was expected to      | "b1 "          | ""               | "b1 "                |
        | it ended well                              | (no file)      | ""               | ""                   |
        | it failed or was killed                    | "b1 "          | ""               | "b1 ": made again    |
        | a job of b2 makes it again                 | "b2 b1 "       | "b1 "            | "b2 b1 "             |
        | it ended well                              | "b1 "          | "b1 "            | "b1 "                |
        | that one failed, too                       | "b2 b1 "       | "b1 "            | "b2 b1 ": made again |

    So a mark that differs from the recorded one means a failure since. Within a build its own name is left out, since the
    build may try a job several times, here or on another machine, and what it records was read before the first attempt.
    """

    def __init__(self) -> None:
        self._build = ""  # the name of the build that this process is part of

    def begin(self) -> None:
        """Gives a new build its name, and makes this process part of it."""
        BUILD_NAME.parent.mkdir(parents=True, exist_ok=True)
        BUILD_NAME.write_text(str(time.time_ns()))
        self.join()

    def join(self) -> None:
        """Makes this process part of the build that is under way, perhaps on another machine."""
        self._build = _build_under_way()

    def leave(self) -> None:
        """The build is over: from now on marks are read as they are."""
        self._build = ""

    def read(self, layer: str) -> str:
        """The mark of a layer's file."""
        try:
            found = (MARKS / layer).read_text()
        except OSError:
            return ""
        return found.removeprefix(f"{self._build} ") if self._build else found

    def expect(self, layers: Iterable[str]) -> None:
        """Marks layers that are there and will be made again, before any job begins.

        For a build that submits its jobs in groups: when a group fails, Snakemake records the params of all its jobs, also
        of those that never started.
        """
        for layer in layers:
            if Path(layer).exists():
                _write(layer, f"{_build_under_way()} {self.read(layer)}")


@contextmanager
def marked(layer: str, mark: str) -> Iterator[None]:
    """Marks a layer while a job makes it.

    Args:
        mark: the mark that the job's params hold.
    """
    _write(layer, f"{_build_under_way()} {mark}")
    yield
    if mark:
        _write(layer, mark)
    else:
        (MARKS / layer).unlink(missing_ok=True)


def _write(layer: str, mark: str) -> None:
    path = MARKS / layer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(mark)


def _build_under_way() -> str:
    """The name of the build that is under way. Each job belongs to one."""
    try:
        return BUILD_NAME.read_text()
    except OSError:
        return "none"
