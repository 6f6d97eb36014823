"""How a painted effect comes about: a text-to-image pass, and its transparency."""

from PIL import Image

from strata.diffusion.pipelines import Loaded
from strata.imaging import effects
from strata.imaging.guides import Guides
from strata.painting import text_to_image
from strata.painting.progress import Reporter
from strata.painting.request import Request
from strata.passes import PaintedEffect


def paint(loaded: Loaded, request: Request, spec: PaintedEffect, guides: Guides, reporter: Reporter) -> Image.Image:
    """The layer, "RGB", or "RGBA" if the effect is transparent."""

    def finish(picture: Image.Image) -> Image.Image:
        return effects.make_transparent(picture, spec["alpha"])

    return finish(text_to_image.paint(loaded, request, spec, guides, reporter, finish))
