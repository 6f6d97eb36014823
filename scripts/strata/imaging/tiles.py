"""Making a picture larger: by Lanczos, or tile by tile by whatever enlarges a tile, without a seam."""

import math
from collections.abc import Callable

import numpy as np
import PIL
from PIL import Image

import strata
from strata.errors import StrataError
from strata.imaging.arrays import Array, to_levels

Enlarge = Callable[[Image.Image, tuple[int, int]], Image.Image]
"""Enlarges a tile, "RGB", given its left top corner in the picture: each time by the same whole factor."""

GRID = 8  # tiles begin at multiples of it, so that models with latents see the same cells in each

SMALLEST_TILE = 64

VERSIONS = {"strata": strata.__version__, "pillow": PIL.__version__}
"""What resamples a picture, for its provenance."""


def resample(picture: Image.Image, factor: int) -> Image.Image:
    """The picture, `factor` times as wide and as high, by Lanczos."""
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.LANCZOS)


def enlarge_to(picture: Image.Image, factor: int, once: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """The picture, `factor` times as wide and as high, by something that has a factor of its own.

    `once` is applied until the picture is large enough; what is too large then is scaled down.
    """
    size = picture.width * factor, picture.height * factor
    while picture.width < size[0]:
        larger = once(picture)
        if larger.width <= picture.width:
            raise StrataError(
                "The upscaler returns pictures that are no larger than what it was given. Take another one."
            )
        picture = larger
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def tiled(picture: Image.Image, tile: int, overlap: int, enlarge: Enlarge) -> Image.Image:
    """Enlarges a picture tile by tile. What depends on no more than a quarter of the overlap comes out as in one piece.

    Neighbours share at least `overlap` pixels. In the middle half of these one fades into the other; the outer ones, where
    a tile does not see what lies beyond its edge, are left out.

    Args:
        picture: "RGB".
        tile: the side of a tile in pixels.
        overlap: in pixels, at most half of it.
    """
    columns, rows = (spans(length, tile, overlap) for length in picture.size)
    result: Array | None = None
    for row, (top, bottom) in enumerate(rows):
        for column, (left, right) in enumerate(columns):
            part = enlarge(picture.crop((left, top, right, bottom)), (left, top))
            factor = part.width // (right - left)
            if result is None:
                result = np.zeros((picture.height * factor, picture.width * factor, 3), np.float32)
            weights = _weights(rows, row, overlap, factor)[:, None] * _weights(columns, column, overlap, factor)
            region = np.s_[top * factor : bottom * factor, left * factor : right * factor]
            result[region] += weights[..., None] * np.asarray(part, np.float32)
    assert result is not None  # a picture has a tile
    return to_levels(result)


def count(size: tuple[int, int], tile: int, overlap: int) -> int:
    """The tiles of a picture of so many pixels."""
    return math.prod(len(spans(length, tile, overlap)) for length in size)


def spans(length: int, tile: int, overlap: int) -> list[tuple[int, int]]:
    """Where the tiles of a row begin and end: evenly spread, each sharing at least `overlap` with the next."""
    tile, overlap = tile // GRID * GRID, -(-overlap // GRID) * GRID
    if length <= tile:
        return [(0, length)]
    whole = -(-length // GRID) * GRID
    steps = math.ceil((whole - tile) / (tile - overlap))
    starts = (step * (whole - tile) // steps // GRID * GRID for step in range(steps + 1))
    return [(start, min(start + tile, length)) for start in starts]


def halve(tile: int, times: int) -> int:
    """The side of a tile for a further attempt with less memory."""
    return max(tile >> times, min(tile, SMALLEST_TILE))


def _weights(parts: list[tuple[int, int]], number: int, overlap: int, factor: int) -> Array:
    """How much of a tile counts, from 0 to 1, along a row of enlarged pixels. Over all tiles they add up to 1."""
    start, end = parts[number]
    centres = (np.arange(start * factor, end * factor) + 0.5) / factor
    weights = np.ones(len(centres), np.float32)
    for first in (number - 1, number):
        if 0 <= first < len(parts) - 1:
            middle = (parts[first + 1][0] + parts[first][1]) / 2
            risen = np.clip((centres - middle) / (overlap / 2) + 0.5, 0, 1).astype(np.float32)
            weights *= risen if first < number else 1 - risen
    return weights
