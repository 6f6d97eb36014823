"""The edges of a picture, as ControlNets that were trained on Canny's edges want them.

J. Canny, A Computational Approach to Edge Detection, IEEE Transactions on Pattern Analysis and Machine Intelligence 8 (1986),
in the usual discrete form: a Gaussian, Sobel's gradients, thinning across the edge, and two thresholds.
"""

import numpy as np
from PIL import Image

from strata.imaging import compositing
from strata.imaging.arrays import Array

DEVIATION = 1.1  # pixels: a Gaussian of about 5 x 5 pixels
TAN_LOW, TAN_HIGH = np.tan(np.pi / 8), np.tan(3 * np.pi / 8)  # between them a direction is a diagonal
NEIGHBOURS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]


def draw(picture: Image.Image, low: float, high: float) -> Image.Image:
    """The edges of a picture in white on black, "L" of its size, one pixel wide.

    Args:
        picture: "RGB" or "L". Colours count by their luminance.
        low, high: thresholds of the gradient's length, for levels from 0 to 255. A pixel above `high` begins an edge; those above
            `low` that touch it, at a side or a corner, continue it.
    """
    levels = np.asarray(picture.convert("L")).astype(np.float32)
    smooth = compositing.gaussian(levels[:, :, None], DEVIATION)[:, :, 0]
    across, down = _sobel(smooth)
    length = np.hypot(across, down)
    thin = np.where(_is_ridge(length, across, down), length, 0)
    return Image.fromarray(np.where(_connect(thin > low, thin > high), 255, 0).astype(np.uint8))


def _sobel(levels: Array) -> tuple[Array, Array]:
    """The gradients across and down, four times the slope per pixel, as OpenCV scales them; the border continues the picture."""
    padded = np.pad(levels, 1, mode="edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    columns = padded[:, :-2] + 2 * padded[:, 1:-1] + padded[:, 2:]
    return rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]


def _is_ridge(length: Array, across: Array, down: Array) -> Array:
    """Where the gradient is no shorter than before and longer than behind, along its direction to the nearest eighth of a turn."""
    steep = np.abs(down)
    flat = np.abs(across)
    horizontal, vertical = steep <= TAN_LOW * flat, steep >= TAN_HIGH * flat
    falling = across * down >= 0
    ridge = np.zeros(length.shape, bool)
    for chosen, step in (
        (horizontal, (0, 1)),
        (vertical & ~horizontal, (1, 0)),
        (~horizontal & ~vertical & falling, (1, 1)),
        (~horizontal & ~vertical & ~falling, (1, -1)),
    ):
        before, behind = _shift(length, step), _shift(length, (-step[0], -step[1]))
        ridge |= chosen & (length > behind) & (length >= before)
    return ridge


def _connect(weak: Array, strong: Array) -> Array:
    """The weak pixels that a path of weak ones joins to a strong one."""
    found = weak & strong
    front = np.argwhere(found)
    height, width = weak.shape
    while len(front):
        near = (front[:, None, :] + np.asarray(NEIGHBOURS)[None]).reshape(-1, 2)
        near = near[(near >= 0).all(axis=1) & (near[:, 0] < height) & (near[:, 1] < width)]
        near = near[weak[near[:, 0], near[:, 1]] & ~found[near[:, 0], near[:, 1]]]
        front = np.unique(near, axis=0)
        found[front[:, 0], front[:, 1]] = True
    return found


def _shift(values: Array, step: tuple[int, int]) -> Array:
    """Each pixel's neighbour a step away; 0 beyond the border."""
    padded = np.pad(values, 1)
    height, width = values.shape
    return padded[1 + step[0] : 1 + step[0] + height, 1 + step[1] : 1 + step[1] + width]
