"""Pictures from files, whoever made them: read whole, upright, in 8 bits, in sRGB, fitted to a size."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from strata.errors import StrataError
from strata.files import ReadFile, read_file
from strata.imaging.color_profiles import to_srgb

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


def read_colors(path: str | Path, where: str, otherwise: str, read_file: ReadFile = read_file) -> Image.Image:
    """The picture in a file that a person brought, as read() has it, in sRGB: "RGB", or "RGBA" if it can be transparent.

    Its profile is applied and left behind, see color_profiles.py.

    Raises:
        StrataError: the file is not there, is no picture, or holds numbers in floating point, whose white is unknown.
    """
    image = read(path, where, otherwise, read_file)
    if image.mode == "F":
        raise StrataError(
            f"{where} is {str(path)!r}, whose pixels are floating-point numbers. Save it with 8 or 16 bits a channel."
        )
    return to_srgb(image, image.info.get("icc_profile"))


def fit(
    image: Image.Image,
    size: tuple[int, int],
    how: str,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """A picture brought to a size; one that has it stays as it is, bit for bit.

    Args:
        size: (width, height) in pixels.
        how: cover fills the size and cuts off evenly what juts out; contain shows all of the picture, centred, with black (or
            transparency) beside it; stretch distorts it.
    """
    # Pillow resizes RGBA premultiplied: what is transparent lends no colour.
    match how:
        case "cover":
            return ImageOps.fit(image, size, resampling)
        case "contain":
            beside = (0,) * len(image.getbands())
            return ImageOps.pad(image, size, resampling, color=beside if len(beside) > 1 else 0)
        case "stretch":
            return image.resize(size, resampling)
    raise ValueError(f"a picture is fitted by cover, contain or stretch, not by {how!r}")


def decode(content: bytes) -> Image.Image:
    """The picture in a file's content, decoded to its last byte. More than 8 bits of grey are scaled to 8.

    Raises one of UNREADABLE.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
    except UnidentifiedImageError:  # whose sentence names the object in memory
        raise UnidentifiedImageError("it is of no kind that Pillow knows") from None
    if image.mode.startswith("I"):  # convert("L") clips at 255 instead of scaling 0..65535
        levels = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        scaled = Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))
        scaled.info = dict(image.info)
        if isinstance(clear := scaled.info.pop("transparency", None), int):  # a level of 16 bits
            scaled.putalpha(Image.fromarray(np.where(levels == clear, 0, 255).astype(np.uint8)))
        return scaled
    return image
