"""Tiles without seams: enlarged in tiles, a picture is the one that is enlarged in one piece."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.errors import StrataError
from strata.imaging.tiles import GRID, _weights, count, enlarge_to, halve, resample, spans, tiled


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def repeated(factor: int):
    """Enlarges by repeating each pixel: what a network that knows nothing would do."""
    return lambda part, place: part.resize((part.width * factor, part.height * factor), Image.Resampling.NEAREST)


sizes = st.integers(1, 400)
sides = st.sampled_from([64, 72, 100, 128, 256])
overlaps = st.sampled_from([16, 24, 32])


@settings(deadline=None, max_examples=60)
@given(width=sizes, height=sizes, tile=sides, overlap=overlaps, factor=st.sampled_from([1, 2, 4]))
def test_a_network_that_sees_one_pixel_leaves_no_trace_of_the_tiles(width, height, tile, overlap, factor):
    whole = picture(width, height)
    result = tiled(whole, tile, overlap, repeated(factor))
    assert result.tobytes() == repeated(factor)(whole, (0, 0)).tobytes()


@settings(deadline=None, max_examples=40)
@given(width=sizes, height=sizes, tile=sides, overlap=overlaps, factor=st.sampled_from([2, 4]))
def test_lanczos_in_tiles_is_lanczos(width, height, tile, overlap, factor):
    """It sees three pixels to each side, which is within a quarter of the overlap."""
    whole = picture(width, height)
    result = tiled(whole, tile, overlap, lambda part, place: resample(part, factor))
    difference = np.asarray(result).astype(int) - np.asarray(resample(whole, factor))
    assert np.abs(difference).max() == 0


@given(length=st.integers(1, 20_000), tile=st.integers(64, 1024), overlap=st.integers(8, 32))
def test_tiles_cover_a_row_and_share_what_they_should(length, tile, overlap):
    parts = spans(length, tile, overlap)
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert all(0 < end - start <= tile for start, end in parts)
    assert all(start % GRID == 0 for start, _ in parts)
    for (_, end), (start, last) in itertools.pairwise(parts):
        assert end - start >= min(overlap, last - start)
    for factor in (1, 4):
        total = np.zeros(length * factor)
        for number, (start, end) in enumerate(parts):
            total[start * factor : end * factor] += _weights(parts, number, overlap, factor)
        assert np.allclose(total, 1, atol=1e-6)


def test_tiles_know_where_they_are():
    whole = picture(200, 150)
    seen = []

    def enlarge(part, place):
        seen.append(place)
        assert part.tobytes() == whole.crop((*place, place[0] + part.width, place[1] + part.height)).tobytes()
        return part

    tiled(whole, 96, 16, enlarge)
    assert len(seen) == len(set(seen)) == count(whole.size, 96, 16) > 4


@pytest.mark.parametrize(("own", "factor", "runs"), [(2, 2, 1), (2, 4, 2), (4, 4, 1), (4, 2, 1), (3, 4, 2), (8, 2, 1)])
def test_a_network_with_another_factor_runs_until_it_is_enough(own, factor, runs):
    seen = []

    def once(image):
        seen.append(image.size)
        return resample(image, own)

    assert enlarge_to(picture(20, 10), factor, once).size == (20 * factor, 10 * factor)
    assert len(seen) == runs


def test_a_network_that_does_not_enlarge_is_refused():
    with pytest.raises(StrataError, match="no larger than what it was given"):
        enlarge_to(picture(20, 10), 2, lambda image: image)


@pytest.mark.parametrize(
    ("tile", "times", "side"), [(256, 0, 256), (256, 1, 128), (256, 2, 64), (256, 9, 64), (64, 3, 64)]
)
def test_further_attempts_take_smaller_tiles(tile, times, side):
    assert halve(tile, times) == side
