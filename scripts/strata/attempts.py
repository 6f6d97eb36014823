"""Which layers are being made, so that one whose job failed is never taken for done.

A layer stays in its place until the next version of it is whole (Snakemake's `update`). When a job fails, Snakemake keeps
that older file, too, but records the params of the job that failed, so that the next build would find nothing to do. So
each layer has a mark, which is part of its rule's params: a job puts the build's name before its layer's mark when it begins,
and takes it away when it has ended well. However it ends otherwise, the mark is not the recorded one.

A build may try a job several times, here or on another machine, and what it records was read before the first try. So
within a build its own name is read over, and the mark is the same for all tries.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(".strata/attempts")
NAME = Path(".strata/build.name")

_joined = ""  # the name of the build that this process is part of


def begin() -> None:
    """Gives a new build its name, and makes this process part of it."""
    NAME.parent.mkdir(parents=True, exist_ok=True)
    NAME.write_text(str(time.time_ns()))
    join()


def join() -> None:
    """Makes this process part of the build that is under way: on a cluster's node, where a part of it runs."""
    global _joined
    _joined = _name()


def leave() -> None:
    """The build is over, or not yet begun: marks are then read as they are."""
    global _joined
    _joined = ""


def mark(layer: str) -> str:
    """The mark of a layer's file; empty for one that never failed."""
    try:
        found = (FOLDER / layer).read_text()
    except OSError:
        return ""
    return found.removeprefix(f"{_joined} ") if _joined else found


def expect(jobs: Iterable) -> None:
    """Marks the layers that are there and will be made again, before any job begins.

    For a build that submits its jobs in groups: when a group fails, Snakemake records the params of all its jobs, also
    of those that were never started.

    Args:
        jobs: Snakemake's, those that are to run.
    """
    for job in jobs:
        if job.output and Path(layer := str(job.output[0])).exists():
            _put(layer, f"{_name()} {mark(layer)}")


def unmarked(spec: Mapping) -> dict:
    """What a spec says about its layer."""
    return {key: value for key, value in spec.items() if key != "mark"}


@contextmanager
def attempted(layer: str, spec: Mapping) -> Iterator[dict]:
    """Marks a layer while it is made. Yields the spec without its mark."""
    _put(layer, f"{_name()} {spec['mark']}")
    yield unmarked(spec)
    if spec["mark"]:
        _put(layer, spec["mark"])
    else:
        (FOLDER / layer).unlink()


def _put(layer: str, mark: str) -> None:
    path = FOLDER / layer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(mark)


def _name() -> str:
    """The name of the build that is under way. Each job belongs to one."""
    try:
        return NAME.read_text()
    except OSError:
        return "none"
