"""The edge of a painted subject, healed: where the plate goes on inside the mask, it goes on in the plate's colours.

A model paints what surrounds its subject anew, a few levels off, and the mask's edge shows as a halo. What it is off at the edge
is known, since there it should have painted the plate. That is taken off, and less and less of it towards the middle.
"""

import numpy as np
from PIL import Image

from strata.imaging import masks
from strata.imaging.arrays import Array, to_levels

SAME, OTHER = 12.0, 36.0
"""Levels: up to the first a difference from the plate is the plate painted anew; from the second on it is the subject itself."""


def heal(painted: Image.Image, plate: Image.Image, soft: Image.Image, reach: int, strength: float) -> Image.Image:
    """The painted window, brought to the plate along the edge of its mask.

    The difference from the plate along the edge is continued smoothly over the inside and subtracted, as in the seamless cloning of
    P. Perez, M. Gangnet and A. Blake, Poisson Image Editing, SIGGRAPH 2003, section 3. Where the subject itself lies on the edge
    its difference does not count. The continuation is the pull-push of S. Gortler and others, The Lumigraph, SIGGRAPH 1996,
    section 3.4, which takes a time proportional to the pixels.

    Args:
        painted, plate: "RGB", of one size.
        soft: "L" of that size, the feathered mask.
        reach: how far the edge reaches into the visible mask, in pixels.
        strength: the part of the difference that is taken off, 0 to 1.

    Returns:
        "RGB". It differs from `painted` only where the mask is visible.
    """
    edge = masks.inner_edge(soft, reach)
    box = soft.getbbox()
    if box is None or edge.getbbox() is None:
        return painted
    pixels = np.asarray(painted.crop(box), np.float32)
    difference = pixels - np.asarray(plate.crop(box), np.float32)
    certain = np.clip((OTHER - np.abs(difference).max(axis=2)) / (OTHER - SAME), 0, 1)
    weight = certain * (np.asarray(edge.crop(box)) > 0)
    visible = masks.visible(soft.crop(box))[:, :, None]
    healed = painted.copy()
    healed.paste(to_levels(pixels - strength * visible * _continue(difference, weight)), box[:2])
    return healed


def _continue(values: Array, weight: Array) -> Array:
    """Values that are known as far as their weight says, (height, width, channel), everywhere: 0 if none is known at all."""
    height, width = weight.shape
    if height == width == 1:
        return np.where(weight[:, :, None] > 0, values, 0)
    known = np.minimum(weight, 1)[:, :, None]
    coarser = _continue(*_pull(values, weight))
    return known * values + (1 - known) * _push(coarser, (width, height))


def _pull(values: Array, weight: Array) -> tuple[Array, Array]:
    """The same at half the size: means of two by two by their weights, and the sums of those."""
    odd = [(0, length % 2) for length in weight.shape]
    weight = np.pad(weight, odd)
    weighted = np.pad(values, [*odd, (0, 0)]) * weight[:, :, None]
    sums, total = _add_pairs(weighted), _add_pairs(weight)
    means = np.divide(sums, total[:, :, None], out=np.zeros_like(sums), where=total[:, :, None] > 0)
    return means, total


def _add_pairs(values: Array) -> Array:
    rows = values[0::2] + values[1::2]
    sums: Array = rows[:, 0::2] + rows[:, 1::2]
    return sums


def _push(values: Array, size: tuple[int, int]) -> Array:
    """Values at twice the size, (width, height) or one more, in between bilinearly."""
    doubled = (2 * values.shape[1], 2 * values.shape[0])
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(channel)).resize(doubled, Image.Resampling.BILINEAR))
        for channel in np.moveaxis(values, 2, 0)
    ]
    return np.stack(channels, axis=2)[: size[1], : size[0]]
