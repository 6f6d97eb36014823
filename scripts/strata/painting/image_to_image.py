"""How a picture is painted anew: an image-to-image pass over all of it. All that decides its pixels is imported here."""

from PIL import Image

from strata.diffusion import attachments, inference
from strata.diffusion.pipelines import Loaded
from strata.imaging.guides import Guides
from strata.painting import previews
from strata.painting.progress import Reporter
from strata.painting.request import Request
from strata.passes import ImageToImage


def paint(
    loaded: Loaded,
    request: Request,
    spec: ImageToImage,
    picture: Image.Image,
    guides: Guides,
    reporter: Reporter,
) -> Image.Image:
    """The layer, "RGB", of the picture's size."""
    with (
        attachments.attached(loaded, spec, request.files, guides.style) as arguments,
        previews.shown_all(loaded, picture.size, reporter),
    ):
        return inference.image_to_image(loaded.pipeline, spec, picture, reporter.step, reporter.note, arguments, guides)
