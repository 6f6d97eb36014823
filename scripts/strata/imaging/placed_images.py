"""A subject that is a picture of the user's own: placed on the canvas, scaled, and cut out by a mask if it has one."""

import math

import numpy as np
from PIL import Image

from strata.errors import StrataError
from strata.files import ReadFile, read_file
from strata.imaging import pictures
from strata.imaging.arrays import to_floats
from strata.passes import PlacedImage

Box = tuple[int, int, int, int]


def draw(spec: PlacedImage, mask: Image.Image | None, read_file: ReadFile = read_file) -> Image.Image:
    """The layer: the picture in a file where its pass says, transparent elsewhere; "RGBA" of the canvas's size.

    A picture that keeps its size comes out as it is, bit for bit. Colours are 0 where the layer is transparent.

    spec  `image` (a path), `bbox` and `fit`, or `position` and `scale`, in rendered pixels, and `where`, the subject's key,
          for sentences.
    mask  "L", of the canvas's size: times the picture's alpha.

    Raises StrataError for a file that cannot be read, and if nothing of it is seen on the canvas.
    """
    size = spec["width"], spec["height"]
    image = pictures.read_colors(spec["image"], f"{spec['where']}.image", "give a prompt and a mask", read_file)
    image = image.convert("RGBA")
    layer = Image.new("RGBA", size)
    _paste(layer, image, *_place(spec, image.size))
    pixels = np.array(layer)
    if mask is not None:
        pixels[:, :, 3] = np.rint(pixels[:, :, 3] * to_floats(mask))
    if not pixels[:, :, 3].any():
        raise StrataError(
            f"{spec['where']} shows nothing of {spec['image']!r}, which has {image.width} x {image.height} pixels: it lies off "
            "the canvas, or is transparent where the mask is white. Move it, or change its scale or its mask."
        )
    pixels[pixels[:, :, 3] == 0] = 0
    return Image.fromarray(pixels)


def _place(spec: PlacedImage, size: tuple[int, int]) -> tuple[Box, Box]:
    """Where the whole picture of a size goes on the canvas, and the box that cuts off what juts out."""
    width, height = size
    if spec["bbox"] is None:
        left, top = map(_round, spec["position"])
        whole = left, top, left + max(_round(width * spec["scale"]), 1), top + max(_round(height * spec["scale"]), 1)
        return whole, whole
    left, top, right, bottom = map(_round, spec["bbox"])
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    box = left, top, right, bottom
    if spec["fit"] == "stretch":
        return box, box
    scales = (right - left) / width, (bottom - top) / height
    scale = min(scales) if spec["fit"] == "contain" else max(scales)
    width, height = max(_round(width * scale), 1), max(_round(height * scale), 1)
    left, top = left + (right - left - width) // 2, top + (bottom - top - height) // 2
    return (left, top, left + width, top + height), box


def _paste(layer: Image.Image, image: Image.Image, whole: Box, cut: Box) -> None:
    """Pastes a picture. Only what the layer shows of it is resampled, however large it would be."""
    left, top = max(whole[0], cut[0], 0), max(whole[1], cut[1], 0)
    right, bottom = min(whole[2], cut[2], layer.width), min(whole[3], cut[3], layer.height)
    if left >= right or top >= bottom:
        return
    width, height = whole[2] - whole[0], whole[3] - whole[1]
    if (width, height) == image.size:
        layer.paste(image.crop((left - whole[0], top - whole[1], right - whole[0], bottom - whole[1])), (left, top))
        return
    across, down = image.width / width, image.height / height
    box = (left - whole[0]) * across, (top - whole[1]) * down, (right - whole[0]) * across, (bottom - whole[1]) * down
    # Pillow resizes RGBA premultiplied: what is transparent lends no colour. Rounding must not lead it beyond the picture.
    box = box[0], box[1], min(box[2], image.width), min(box[3], image.height)
    layer.paste(image.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box=box), (left, top))


def _round(length: float) -> int:
    return math.floor(length + 0.5)
