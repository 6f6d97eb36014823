"""Layers that no model paints: from the pass to what draws it."""

from PIL import Image

from strata.files import ReadFile
from strata.imaging import effects, photographs
from strata.passes import Drawn


def draw(spec: Drawn, read_file: ReadFile) -> Image.Image:
    """The layer of a picture of the user's own, "RGB" or "RGBA".

    Raises StrataError for a file that cannot be read.
    """
    match spec["task"]:
        case "image":
            return effects.from_image(spec, read_file)
        case "photograph":
            return photographs.draw(spec, read_file)
