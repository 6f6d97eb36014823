"""How a background is painted: a text-to-image pass. All that decides its pixels is imported here."""

from PIL import Image

from strata.diffusion import attachments, inference
from strata.diffusion.pipelines import Loaded
from strata.imaging.guides import Guides
from strata.painting import previews
from strata.painting.progress import Reporter
from strata.painting.request import Request
from strata.passes import TextToImage


def paint(
    loaded: Loaded,
    request: Request,
    spec: TextToImage,
    guides: Guides,
    reporter: Reporter,
    finish: previews.Finish = previews.as_it_is,
) -> Image.Image:
    """The layer, "RGB". `finish` is for its previews alone."""
    with (
        attachments.attached(loaded, spec, request.files, guides.style) as arguments,
        previews.shown_all(loaded, (spec["width"], spec["height"]), reporter, finish),
    ):
        return inference.text_to_image(loaded.pipeline, spec, reporter.step, reporter.note, arguments, guides)
