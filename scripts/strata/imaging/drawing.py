"""Layers that no model paints: from the pass to what draws it."""

from PIL import Image

from strata.files import ReadFile
from strata.imaging import effects, photographs, placed_images, png
from strata.passes import Drawn


def draw(spec: Drawn, read_file: ReadFile, mask: str | None = None) -> Image.Image:
    """The layer of a picture of the user's own, "RGB" or "RGBA".

    Args:
        mask: the file of the mask that cuts it out, if it has one.

    Raises StrataError for a file that cannot be read.
    """
    match spec["task"]:
        case "image":
            return effects.from_image(spec, read_file)
        case "photograph":
            return photographs.draw(spec, read_file)
        case "placed":
            size = spec["width"], spec["height"]
            return placed_images.draw(spec, png.read(mask, "L", size, read_file) if mask else None, read_file)
