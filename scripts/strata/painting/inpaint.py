"""How a subject is painted: an inpainting pass on its window, cut out by its mask."""

from PIL import Image

from strata.diffusion import attachments, inference
from strata.diffusion.pipelines import Loaded
from strata.imaging.guides import Guides
from strata.imaging.windows import Window
from strata.painting import previews
from strata.painting.progress import Reporter
from strata.painting.request import Request
from strata.passes import Inpaint


def paint(
    loaded: Loaded, request: Request, spec: Inpaint, window: Window, guides: Guides, reporter: Reporter
) -> Image.Image:
    """The layer, "RGBA", transparent outside the mask."""
    with (
        attachments.attached(loaded, spec, request.files, guides.style) as arguments,
        previews.shown_in_window(loaded, window, reporter),
    ):
        painted = inference.inpaint(
            loaded.pipeline, spec, window.plate, window.hard, reporter.step, reporter.note, arguments, guides
        )
    return window.cut_layer(painted, spec["color_match"], spec["heal"])
