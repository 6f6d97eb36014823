"""Masks that were painted by hand in the page: a picture file each, in masks/, that is never written over."""

import io
import itertools
import re
from pathlib import Path

from PIL import Image

from strata.errors import StrataError
from strata.files import replacing
from strata.imaging.pictures import UNREADABLE, decode
from strata.studio.pictures import encode

FOLDER = Path("masks")

MOST_PIXELS = 64_000_000


def save(content: bytes, subject: str) -> str:
    """Writes a mask that the page painted.

    Args:
        content: a PNG; its red channel counts, white is painted.
        subject: whose mask it is: its name begins the file's.

    Returns:
        the file, a new one: what is there already may be in use.

    Raises:
        StrataError: it is no PNG, or too large.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", subject):
        raise StrataError(f"{subject!r} is no name of a subject.")
    mask = _read(content)
    for number in itertools.count(1):
        path = FOLDER / (f"{subject}.png" if number == 1 else f"{subject}-{number}.png")
        if not path.exists():
            break
    with replacing(path) as file:
        file.write(encode(mask))
    return path.as_posix()


def _read(content: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.width * image.height > MOST_PIXELS:
                raise StrataError(f"A mask of {image.width} x {image.height} pixels is too large.")
        return decode(content).convert("RGB").getchannel("R")
    except UNREADABLE as error:
        raise StrataError(f"What the page painted is no PNG ({error}).") from None
