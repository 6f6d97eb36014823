"""How a flattened stack is refined: an image-to-image pass over all of it, which replaces all of it or a ring."""

from PIL import Image

from strata.diffusion import attachments, inference
from strata.diffusion.pipelines import Loaded
from strata.imaging.guides import Guides
from strata.imaging.windows import Flattened
from strata.painting import previews
from strata.painting.progress import Reporter
from strata.painting.request import Request
from strata.passes import Refine


def paint(
    loaded: Loaded, request: Request, spec: Refine, view: Flattened, guides: Guides, reporter: Reporter
) -> Image.Image:
    """The refined picture, "RGB"; outside of the ring it is the flattened stack, bit for bit."""
    with (
        attachments.attached(loaded, spec, request.files, guides.style) as arguments,
        previews.shown_over(loaded, view, reporter),
    ):
        painted = inference.image_to_image(
            loaded.pipeline, spec, view.picture, reporter.step, reporter.note, arguments, guides
        )
    return view.replace(painted)
