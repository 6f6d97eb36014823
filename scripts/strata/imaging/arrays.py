"""Pictures as arrays: values from 0 to 1, and back to 8 bits, rounded in one way everywhere."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]
"""Pixels of shape (height, width) or (height, width, channel)."""


def to_floats(image: Image.Image) -> Array:
    """The values of a picture of 8 bits, from 0 to 1, as float32."""
    return np.asarray(image, np.float32) / np.float32(255)


def to_image(values: Array) -> Image.Image:
    """Values from 0 to 1 as a picture of 8 bits: rounded to the nearest level, what lies outside cut off.

    One channel becomes "L", three "RGB", four "RGBA".
    """
    return to_levels(np.clip(values, 0, 1) * 255)


def to_levels(levels: Array) -> Image.Image:
    """Values from 0 to 255 as a picture of 8 bits, rounded to the nearest level."""
    rounded = np.clip(levels, 0, 255)
    return Image.fromarray(np.rint(rounded, out=rounded).astype(np.uint8))
