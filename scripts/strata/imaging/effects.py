"""Effects without a model: one from an image file, and transparency from luminance."""

import numpy as np
from PIL import Image

from strata.files import ReadFile, read_file
from strata.imaging import pictures
from strata.imaging.arrays import to_floats, to_image
from strata.passes import DrawnImage

LUMA = 0.299, 0.587, 0.114  # of red, green, blue: ITU-R BT.601, as Pillow's mode "L" and a mask's image have it


def from_image(spec: DrawnImage, read_file: ReadFile = read_file) -> Image.Image:
    """The picture of an effect that an image file gives: it covers the canvas, and what juts out is cut off evenly.

    spec  `image` (a path), `alpha` (see make_transparent()), `width` and `height` in rendered pixels, and `where`, the
          effect's key, for sentences.

    Returns "RGBA" if the file or `alpha` makes anything transparent, else "RGB". Raises StrataError for a file that
    cannot be read.
    """
    image = pictures.read_colors(spec["image"], f"{spec['where']}.image", "give a prompt", read_file)
    return make_transparent(pictures.fit(image, (spec["width"], spec["height"]), "cover"), spec["alpha"])


def make_transparent(image: Image.Image, alpha: str) -> Image.Image:
    """An effect's picture with its alpha: `own` leaves it as it is, `luminance` makes it as clear as it is dark.

    With luminance Y (0 to 1, of the values as they are stored) and an alpha of its own, a, a pixel's new alpha is Y x a
    and its colour C / Y, cut at 1. So grey fog becomes white fog as dense as it was bright, which veils what lies
    beneath and never greys it; and over black the picture looks as before, but for colours that Y makes too faint.

    image  "RGB" or "RGBA", straight. Returns it, or an "RGBA" image.
    """
    if alpha != "luminance":
        return image
    pixels = to_floats(image)
    colour = pixels[:, :, :3] * pixels[:, :, 3:] if pixels.shape[2] == 4 else pixels
    luminance = (colour * np.array(LUMA, np.float32)).sum(axis=2, keepdims=True)
    # Divided by the alpha as it is stored, so that its rounding is made good by the colour.
    stored = np.rint(luminance * 255) / 255
    straight = np.divide(colour, stored, out=np.zeros_like(colour), where=stored > 0)
    return to_image(np.concatenate([straight, stored], axis=2))
