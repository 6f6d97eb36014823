"""The colours of a painted subject, brought to those of its plate.

A model paints the whole window, including what it should keep, and its colours drift by a few levels. Where the subject's
mask fades into the plate, the drift shows as a seam. What the model should have kept shows how to undo it.
"""

import numpy as np
from PIL import Image

from strata.imaging.arrays import Array, to_levels

PULL = 25.0  # levels squared: how much the ring must vary before its variance says more than a gain of 1 does
GAINS = 0.5, 2.0  # no drift is larger: a ring that says so shows something else


def match(painted: Image.Image, plate: Image.Image, ring: Image.Image, strength: float) -> Image.Image:
    """The painted window with its colours corrected.

    Each channel of it, p, becomes g x p + o, with the gain and offset that bring it closest to the plate, q, on the ring:
    the least squares of q - (g x p + o), pulled towards g = 1 where the ring is nearly flat and says little,

        g = (cov(p, q) + PULL) / (var(p) + PULL),    o = mean(q) - g x mean(p)

    This is the gain compensation of M. Brown and D. Lowe, Automatic Panoramic Image Stitching using Invariant Features,
    IJCV 74 (2007), section 6, equation 29 (squared differences where two pictures overlap, and a prior that keeps gains
    near 1), for one picture of two and with an offset.

    Args:
        painted, plate: "RGB", of one size.
        ring: "L" of that size, above 0 where the two ought to be equal; above 0 somewhere.
        strength: the part of the correction that is applied, 0 to 1.

    Raises:
        ValueError: the ring is empty.
    """
    where = np.asarray(ring) > 0
    if not where.any():
        raise ValueError("colours cannot be matched on a ring without pixels")
    pixels = np.asarray(painted, np.float64)
    gain, offset = _correction(pixels[where], np.asarray(plate, np.float64)[where])
    corrected = pixels + strength * ((gain - 1) * pixels + offset)
    return to_levels(corrected)


def _correction(painted: Array, plate: Array) -> tuple[Array, Array]:
    """Gain and offset of each channel, from pairs of pixels of shape (pixels, 3)."""
    mean_painted, mean_plate = painted.mean(axis=0), plate.mean(axis=0)
    covariance = ((painted - mean_painted) * (plate - mean_plate)).mean(axis=0)
    gain = np.clip((covariance + PULL) / (painted.var(axis=0) + PULL), *GAINS)
    return gain, mean_plate - gain * mean_painted
