"""Latents: what the diffusion models see of a picture, one cell for each 16 x 16 pixels.

Channels 0 to 2 are a cell's mean red, green and blue, from -1 to 1. Channel 3 tells where in the cell the light lies: three
times the difference between the mean luma of its upper and of its lower half (luma from 0 to 1), so about -1 to 1 as well.
"""

import numpy as np

CELL = 16
"""Width and height of a latent cell, in pixels of the canvas."""

CHANNELS = 4
DETAIL_SCALE = 3.0
LUMA = (0.299, 0.587, 0.114)


def encode(picture: np.ndarray, cell: int = CELL) -> np.ndarray:
    """Return the latents of a picture of shape (height, width, 3) from 0 to 1, as float32 (4, height / cell, width / cell).

    A smaller drawing of the same scene, with `cell` smaller in proportion, gives nearly the same latents.
    """
    height, width = picture.shape[0] // cell, picture.shape[1] // cell
    halves = picture.reshape(height, 2, cell // 2, width, cell, 3).mean(axis=(2, 4))
    luma = halves @ np.asarray(LUMA, picture.dtype)
    color = halves.mean(axis=1) * 2 - 1
    detail = (luma[:, 0] - luma[:, 1]) * DETAIL_SCALE
    return np.concatenate([color, detail[..., None]], -1).transpose(2, 0, 1).astype(np.float32)


def to_bytes(latents: np.ndarray) -> np.ndarray:
    """Round latents from -1 to 1 to uint8; `from_bytes` undoes it."""
    return np.rint((np.clip(latents, -1, 1) + 1) * 127.5).astype(np.uint8)


def from_bytes(stored):
    """Return stored latents as numbers from -1 to 1; takes and gives a torch tensor or an array of floats."""
    return stored / 127.5 - 1
