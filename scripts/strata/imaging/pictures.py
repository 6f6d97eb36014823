"""Pictures that people bring, for a mask or an effect: read whole, upright, in 8 bits."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from strata.errors import StrataError


def read(path: str | Path, where: str, otherwise: str) -> Image.Image:
    """The picture in a file, turned as its EXIF says; 16 bits of grey become "L", other modes stay.

    where      the key that names the file, which begins the sentence of a StrataError.
    otherwise  what can be done without an image, such as "draw shapes": the sentence's remedy.

    Raises StrataError for a file that is not there or is no picture.
    """
    try:
        with Image.open(path) as file:
            file.load()
            image = ImageOps.exif_transpose(file)
    except FileNotFoundError:
        raise StrataError(
            f"{where} is {str(path)!r}, but there is no such file. Correct the path, or {otherwise}."
        ) from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # SyntaxError is what Pillow raises for a broken PNG.
        raise StrataError(
            f"{where} is {str(path)!r}, which cannot be read as an image ({error}). Save it again as a PNG, or {otherwise}."
        ) from None
    if image.mode.startswith("I;16"):  # convert("L") clips at 255 instead of scaling 0..65535
        return Image.fromarray(((np.asarray(image).astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    return image
