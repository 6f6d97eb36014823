"""How long work will take, by what finished work of its kind took in this folder."""

import math
from collections.abc import Sequence
from statistics import median

from strata.painting.history import Finished

NEAREST = 9
"""How many entries an estimate is made from: those of about as much work, and of them the latest."""

SPREAD = 1.15
"""Works that differ by more than this factor tell what a unit of work costs apart from what each pass costs."""

BUILD = "build"
"""The kind of a build's own time: what it took beside its layers. Its work is the number of jobs."""


class Estimates:
    """Estimates from a history.

    Args:
        entries: all finished work, the oldest first.
    """

    def __init__(self, entries: Sequence[Finished]):
        self._of_kind: dict[str, list[Finished]] = {}
        for entry in entries:
            self._of_kind.setdefault(entry["what"], []).append(entry)

    def seconds(self, kind: str, work: float) -> float | None:
        """The seconds of so much work of a kind, its model at hand; None where no such work was ever done.

        From the nearest entries: in proportion to the work, or if those entries are of different sizes, by the line through
        them that is nearest by least squares.
        """
        near = self._nearest(kind, work)
        if not near or work <= 0:
            return None
        works, seconds = [entry["work"] for entry in near], [entry["seconds"] for entry in near]
        if max(works) > SPREAD * min(works):
            base, slope = _fit_line(works, seconds)
            if base >= 0 and slope >= 0:
                return base + slope * work
        return median(taken / done for taken, done in zip(seconds, works, strict=True)) * work

    def loading(self, kind: str) -> float:
        """The seconds until the model of a kind of pass is loaded; 0 where it is not known."""
        took = [entry["loading"] for entry in self._of_kind.get(kind, []) if entry.get("loading", 0) > 0.1]
        return median(took[-NEAREST:]) if took else 0.0

    def starting(self) -> float:
        """The seconds until a worker that has to be started takes its first pass; 0 where it is not known."""
        waits = [entry.get("starting", 0.0) for entries in self._of_kind.values() for entry in entries]
        # A worker that is there takes a pass at once.
        starts = [wait for wait in waits if wait > 0.5]
        return median(starts[-NEAREST:]) if starts else 0.0

    def _nearest(self, kind: str, work: float) -> list[Finished]:
        entries = [entry for entry in self._of_kind.get(kind, []) if entry["work"] > 0]
        latest_first = reversed(entries)
        return sorted(latest_first, key=lambda entry: round(abs(math.log(entry["work"] / work)), 1) if work > 0 else 0)[
            :NEAREST
        ]


def _fit_line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """The line y = a + b x with the least squares: a, b. The xs are not all equal."""
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / sum(
        (x - middle_x) ** 2 for x in xs
    )
    return middle_y - slope * middle_x, slope
