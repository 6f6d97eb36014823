"""Parts of a picture that were found in it: connected areas and boxes, each with a score, and which of several counts."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from strata.imaging.arrays import Array

MOST = 64
"""So many boxes of one picture are looked at, those with the highest scores."""

DOUBLE = 0.5
"""Of two boxes that share more than this part of what they cover together, the one with the lower score is a double."""

NAMED = 3
"""How many of what was seen a sentence names."""


class Region(NamedTuple):
    """A part of a picture.

    Attributes:
        score: how sure it is, 0 to 1.
        box: left, top (inside), right and bottom (outside), in pixels.
        label: the words that it was found for, where the model says which.
    """

    score: float
    box: tuple[float, float, float, float]
    label: str = ""

    @property
    def area(self) -> float:
        """That of its box, in pixels."""
        left, top, right, bottom = self.box
        return max(right - left, 0) * max(bottom - top, 0)


def split(scores: Array, threshold: float) -> tuple[list[Region], Array]:
    """The connected areas in which each pixel has at least the score `threshold`; corners that touch do not connect.

    Args:
        scores: from 0 to 1, of shape (height, width).

    Returns:
        the areas, the highest score first, each with the highest of its scores; and for each pixel the place of its area in
        that list, or -1, of the shape of `scores`.
    """
    labels = _label(scores >= threshold)
    count = int(labels.max()) + 1
    rows, columns = np.nonzero(labels >= 0)
    of = labels[rows, columns]
    highest = np.zeros(count, scores.dtype)
    np.maximum.at(highest, of, scores[rows, columns])
    firsts, lasts = np.full((count, 2), max(scores.shape)), np.zeros((count, 2), int)
    corners = np.stack([columns, rows], axis=1)
    np.minimum.at(firsts, of, corners)
    np.maximum.at(lasts, of, corners + 1)
    regions = [
        Region(score, (left, top, right, bottom))
        for score, (left, top), (right, bottom) in zip(highest.tolist(), firsts.tolist(), lasts.tolist(), strict=True)
    ]
    order = sorted(range(count), key=lambda place: _rank(regions[place]))
    places = np.full(count + 1, -1)
    places[order] = np.arange(count)
    return [regions[place] for place in order], places[labels]


def keep_distinct(boxes: Sequence[Region]) -> list[Region]:
    """The boxes, the highest score first, without those that a better one covers nearly as well (non-maximum suppression)."""
    kept: list[Region] = []
    for box in sorted(boxes, key=_rank):
        if len(kept) < MOST and all(_overlap(box, other) <= DOUBLE for other in kept):
            kept.append(box)
    return kept


def choose(regions: Sequence[Region], which: str) -> list[int]:
    """The places of those that count.

    Args:
        regions: at least one, the highest score first.
        which: all, best, largest, leftmost, rightmost, topmost or bottommost; the last four go by the middle of the box.
    """
    measures = {
        "best": lambda region: region.score,
        "largest": lambda region: region.area,
        "leftmost": lambda region: -(region.box[0] + region.box[2]),
        "rightmost": lambda region: region.box[0] + region.box[2],
        "topmost": lambda region: -(region.box[1] + region.box[3]),
        "bottommost": lambda region: region.box[1] + region.box[3],
    }
    if which == "all":
        return list(range(len(regions)))
    # Of equal ones, the first.
    return [max(range(len(regions)), key=lambda place: (measures[which](regions[place]), -place))]


def fill(boxes: Sequence[Region], size: tuple[int, int]) -> Array:
    """The highest score of the boxes that cover each pixel, 0 where none does: float32 of (height, width).

    Args:
        size: (width, height) in pixels. The boxes' sides are rounded to whole ones.
    """
    scores = np.zeros((size[1], size[0]), np.float32)
    for region in boxes:
        left, top, right, bottom = (max(round(side), 0) for side in region.box)
        part = scores[top:bottom, left:right]
        np.maximum(part, np.float32(region.score), out=part)
    return scores


def resize(scores: Array, size: tuple[int, int]) -> Array:
    """Scores of (height, width) brought to another size, (width, height), without overshoot."""
    resized = Image.fromarray(np.asarray(scores, np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)


def describe(regions: Sequence[Region], scale: float) -> str:
    """The first few regions in words: score, label if there is one, box in canvas pixels.

    Args:
        scale: rendered pixels to a canvas pixel.
    """
    words = []
    for region in regions[:NAMED]:
        box = ", ".join(f"{side / scale:.0f}" for side in region.box)
        words.append(f"{region.score:.2f}{f' ({region.label})' if region.label else ''} at [{box}]")
    return ", then ".join(words)


def _rank(region: Region) -> tuple[float, tuple[float, ...]]:
    """Sorts by score, the highest first, and equal ones by their place."""
    return -region.score, region.box


def _overlap(one: Region, other: Region) -> float:
    """Intersection over union of two boxes."""
    left, top = max(one.box[0], other.box[0]), max(one.box[1], other.box[1])
    right, bottom = min(one.box[2], other.box[2]), min(one.box[3], other.box[3])
    shared = max(right - left, 0) * max(bottom - top, 0)
    union = one.area + other.area - shared
    return shared / union if union > 0 else 0.0


def _label(flags: Array) -> Array:
    """A number from 0 on for each connected part of what is true, by rows from the top left, and -1 elsewhere.

    Runs of true pixels in a row are joined with those of the row above that they touch (union-find).
    """
    padded = np.pad(flags, ((0, 0), (1, 1))).astype(np.int8)
    rows, begins = np.nonzero(np.diff(padded, axis=1) == 1)
    _, ends = np.nonzero(np.diff(padded, axis=1) == -1)
    first = np.searchsorted(rows, np.arange(flags.shape[0] + 1))  # the first run of each row
    parents = list(range(len(rows)))

    def find(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    for row in range(1, flags.shape[0]):
        above, run = int(first[row - 1]), int(first[row])
        while above < first[row] and run < first[row + 1]:
            if begins[above] < ends[run] and begins[run] < ends[above]:
                one, other = find(above), find(run)
                parents[max(one, other)] = min(one, other)
            if ends[above] <= ends[run]:
                above += 1
            else:
                run += 1
    roots = [find(run) for run in range(len(rows))]
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
    labels = np.full(flags.shape, -1)
    for y, begin, end, root in zip(rows, begins, ends, roots, strict=True):
        labels[y, begin:end] = numbers[root]
    return labels
