"""Masks for training: the shape of a mask, and the hard grown mask that an inpainting model is shown."""

from dataclasses import dataclass
from random import Random

import numpy as np

from forge.latents import CELL
from forge.subjects import Box
from strata.imaging import masks
from strata.passes import Mask as Described
from strata.passes import Shape

FEATHER = 8
"""The usual feather of a mask: the standard deviation of its blur, in canvas pixels."""


@dataclass(frozen=True)
class Mask:
    """An ellipse, a rectangle or a rounded rectangle; `box` is left, top, right, bottom as shares of the canvas."""

    shape: str
    box: Box


def random_mask(rng: Random, width: int, height: int) -> Mask:
    """Draw a mask for a canvas of `width` x `height` cells: 4 to 16 cells wide, 6 to 23 high, mostly low in the picture."""
    shape = rng.choice(("ellipse", "ellipse", "rectangle", "rectangle", "rounded"))
    h = min(rng.uniform(6, 23), height - 2)
    w = min(max(h * rng.uniform(0.45, 1.5), 4), 16, width - 3) / width
    h /= height
    low = max(h + 0.02, 0.72)
    bottom = rng.uniform(h + 0.02, 0.98) if rng.random() < 0.2 else rng.uniform(low, 0.98)
    x = rng.uniform(w / 2 + 0.02, 0.98 - w / 2)
    return Mask(shape, (x - w / 2, bottom - h, x + w / 2, bottom))


def inside(mask: Mask, width: int, height: int, pixel: float, growth: float = 0.0) -> np.ndarray:
    """Return which pixels lie in a mask: booleans (height, width).

    `pixel` is the size of one pixel in canvas pixels, `growth` widens the mask by that many canvas pixels on each side.
    """
    left, top, right, bottom = mask.box
    cx, cy = (left + right) / 2 * width, (top + bottom) / 2 * height
    rx, ry = (right - left) / 2 * width + growth / pixel, (bottom - top) / 2 * height + growth / pixel
    dx = np.abs(np.arange(width)[None] + 0.5 - cx)
    dy = np.abs(np.arange(height)[:, None] + 0.5 - cy)
    if mask.shape == "ellipse":
        return (dx / rx) ** 2 + (dy / ry) ** 2 <= 1
    corner = (0.2 * min(rx, ry)) if mask.shape == "rounded" else growth / pixel * 0.5
    outside = np.hypot(np.maximum(dx - (rx - corner), 0), np.maximum(dy - (ry - corner), 0))
    return (dx <= rx) & (dy <= ry) & (outside <= corner)


def hard(mask: Mask, width: int, height: int, pixel: float, feather: float = FEATHER) -> np.ndarray:
    """Return the mask that a model is shown, booleans (height, width), as the workflow makes it.

    `feather` is the standard deviation of the soft mask's blur, in canvas pixels.
    """
    left, top, right, bottom = mask.box
    canvas = width * pixel, height * pixel
    shape: Shape = {
        "shape": {"rounded": "rounded_rectangle"}.get(mask.shape, mask.shape),
        "bbox": [left * canvas[0], top * canvas[1], right * canvas[0], bottom * canvas[1]],
    }
    if mask.shape == "rounded":
        shape["radius"] = 0.1 * min((right - left) * canvas[0], (bottom - top) * canvas[1])
    described: Described = {
        "shapes": [shape],
        "image": None,
        "fit": "cover",
        "invert": False,
        "grow": 0,
        "feather": feather,
        "layer": None,
        "offset": [0.0, 0.0],
        "flip": "none",
    }
    soft = masks.draw(described, (width, height), 1 / pixel, "a mask of the forge")
    return np.asarray(masks.hard(soft, round(CELL / pixel))) > 0


def nearest_cells(mask: np.ndarray, step: int) -> np.ndarray:
    """Shrink a mask to cells as the inpainting pipeline does: of each block, its upper left pixel."""
    return mask[::step, ::step]
