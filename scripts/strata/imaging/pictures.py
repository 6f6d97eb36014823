"""Pictures from files, whoever made them: read whole, upright, in 8 bits."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from strata.errors import StrataError
from strata.files import ReadFile, read_file

UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
"""What Pillow raises for a file that is no picture, is cut or garbled, or is too large to be one. SyntaxError is a broken PNG."""


def read(path: str | Path, where: str, otherwise: str, read_file: ReadFile = read_file) -> Image.Image:
    """The picture in a file that a person brought, turned as its EXIF says; 16 bits of grey become "L", other modes stay.

    Args:
        where: the key that names the file, which begins the sentence of a StrataError.
        otherwise: what can be done without an image, such as "draw shapes": the sentence's remedy.
        read_file: gives the file's content.

    Raises:
        StrataError: the file is not there, or is no picture.
    """
    try:
        image = ImageOps.exif_transpose(decode(read_file(path)))
    except FileNotFoundError:
        raise StrataError(
            f"{where} is {str(path)!r}, but there is no such file. Correct the path, or {otherwise}."
        ) from None
    except UNREADABLE as error:
        raise StrataError(
            f"{where} is {str(path)!r}, which cannot be read as an image ({error}). Save it again as a PNG, or {otherwise}."
        ) from None
    return image


def decode(content: bytes) -> Image.Image:
    """The picture in a file's content, decoded to its last byte. More than 8 bits of grey are scaled to 8.

    Raises one of UNREADABLE.
    """
    with Image.open(io.BytesIO(content)) as image:
        image.load()
    if image.mode.startswith("I"):  # convert("L") clips at 255 instead of scaling 0..65535
        levels = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))
    return image
