"""ICC profiles: the colours of a picture that a person brought, as sRGB, which is what layers are stored in."""

import io
import itertools
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from strata.imaging.arrays import Array

SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""The colour space of a profile, and the mode of the pictures that it describes."""

PROBES = 17  # values of each channel: enough to tell two profiles apart
ROUNDING = 1  # levels by which a profile may differ from sRGB and still be it


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB: "RGB", or "RGBA" if any of it is transparent. It carries no profile.

    Colours are converted with the perceptual intent, by LittleCMS. A profile that differs from sRGB by no more than rounding
    leaves them as they are, bit for bit. A profile of another colour space than the picture's says nothing about it, and is
    passed over, as is one that cannot be read.

    Args:
        image: of any mode that Pillow has, but floating point.
        profile: the content of an ICC profile.
    """
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if image.mode == "LAB":
        colors = _transform(image, ImageCms.createProfile("LAB"))
    else:
        colors = _without_alpha(image)
        if source := _read(profile, colors.mode):
            colors = _transform(colors, source)
        colors = colors.convert("RGB")
    if alpha is not None:
        colors.putalpha(alpha)
    colors.info = {}
    return colors


def _without_alpha(image: Image.Image) -> Image.Image:
    """The colours of a picture in one of the modes that profiles describe."""
    if image.mode in ("L", "LA", "La", "1"):
        return image.convert("L")
    return image if image.mode == "CMYK" else image.convert("RGB")


def _read(profile: bytes | None, mode: str) -> ImageCms.ImageCmsProfile | None:
    """The profile, if it describes pictures of a mode otherwise than sRGB does."""
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if SPACES.get(source.profile.xcolor_space.strip()) != mode:
            return None
        return None if mode == "RGB" and _is_srgb(source) else source
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    levels = np.linspace(0, 255, PROBES).round().astype(np.uint8)
    probes: Array = np.array(list(itertools.product(levels, repeat=3)), np.uint8)[None]
    converted = np.asarray(_transform(Image.fromarray(probes), profile))
    return int(np.abs(converted.astype(int) - probes).max()) <= ROUNDING


def _transform(image: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # only a conversion in place returns nothing
    return converted
