"""Areas and boxes that were found in a picture, and which of several counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from strata.imaging import regions
from strata.imaging.regions import Region


def flood(flags: np.ndarray) -> list[frozenset]:
    """The connected parts of what is true, pixel by pixel."""
    left, parts = set(zip(*np.nonzero(flags), strict=True)), []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            part.add((y, x))
            near = {(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)} & left
            left -= near
            edge += near
        parts.append(frozenset(part))
    return parts


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.sampled_from([0.1, 0.6, 0.9])
    )
)
def test_areas_are_the_connected_parts_above_the_threshold(scores):
    found, places = regions.split(scores, 0.5)
    parts = [frozenset(zip(*np.nonzero(places == place), strict=True)) for place in range(len(found))]
    assert set(parts) == set(flood(scores >= 0.5))
    assert (places == -1).sum() == (scores < 0.5).sum()
    assert [region.score for region in found] == sorted((region.score for region in found), reverse=True)
    for region, part in zip(found, parts, strict=True):
        ys, xs = zip(*part, strict=True)
        assert region.box == (min(xs), min(ys), max(xs) + 1, max(ys) + 1)
        assert region.score == max(float(scores[pixel]) for pixel in part)


SEEN = [
    Region(0.9, (40, 40, 50, 50)),
    Region(0.8, (0, 20, 10, 30), "rock"),
    Region(0.7, (20, 0, 60, 10)),
    Region(0.6, (80, 60, 85, 90)),
]


@pytest.mark.parametrize(
    ("which", "places"),
    [
        ("best", [0]),
        ("largest", [2]),
        ("leftmost", [1]),
        ("rightmost", [3]),
        ("topmost", [2]),
        ("bottommost", [3]),
        ("all", [0, 1, 2, 3]),
    ],
)
def test_which_of_several_counts(which, places):
    assert regions.choose(SEEN, which) == places


def test_of_equal_ones_the_first_counts():
    same = [Region(0.5, (0, 0, 9, 9)), Region(0.5, (0, 0, 9, 9))]
    for which in ("best", "largest", "leftmost", "rightmost", "topmost", "bottommost"):
        assert regions.choose(same, which) == [0]


def test_doubles_are_left_out():
    box = Region(0.5, (10, 10, 30, 30))
    double, inside, beside = Region(0.4, (11, 10, 31, 30)), Region(0.6, (15, 15, 20, 20)), Region(0.3, (60, 0, 70, 9))
    assert regions.keep_distinct([beside, double, box, inside]) == [inside, box, beside]
    assert len(regions.keep_distinct([Region(0.5, (x, 0, x + 1, 1)) for x in range(200)])) == regions.MOST


def test_boxes_are_filled_with_their_scores():
    filled = regions.fill([Region(0.5, (1.4, 0, 3, 2)), Region(0.75, (2, 1, 9, 9))], (5, 3))
    assert filled.tolist() == [[0, 0.5, 0.5, 0, 0], [0, 0.5, 0.75, 0.75, 0.75], [0, 0, 0.75, 0.75, 0.75]]


def test_what_was_seen_is_said_in_canvas_pixels():
    assert regions.describe(SEEN[:2], 2.0) == "0.90 at [20, 20, 25, 25], then 0.80 (rock) at [0, 10, 5, 15]"
    assert regions.describe(SEEN, 1.0).count(" at ") == regions.NAMED
