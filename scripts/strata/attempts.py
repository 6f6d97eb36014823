"""Which layers are being made, so that one whose job failed is never taken for done.

A layer stays in its place until the next version of it is whole (Snakemake's `update`). When a job fails, Snakemake keeps
that older file, too, but records the params of the job that failed, so that the next build would find nothing to do. So
each layer has a mark, which is part of its rule's params: a job gives its layer a new mark when it begins, and puts the one
from its params back when it has ended well. However it ends otherwise, the mark is not the recorded one.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(".strata/attempts")


def mark(layer: str) -> str:
    """The mark of a layer's file; empty for one that never failed."""
    try:
        return (FOLDER / layer).read_text()
    except OSError:
        return ""


def unmarked(spec: Mapping) -> dict:
    """What a spec says about its layer."""
    return {key: value for key, value in spec.items() if key != "mark"}


@contextmanager
def attempted(layer: str, spec: Mapping) -> Iterator[dict]:
    """Marks a layer while it is made. Yields the spec without its mark."""
    path = FOLDER / layer
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{time.time_ns()}-{os.getpid()}")
    yield unmarked(spec)
    if spec["mark"]:
        path.write_text(spec["mark"])
    else:
        path.unlink()
