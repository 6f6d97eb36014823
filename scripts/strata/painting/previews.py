"""What a pass at work shows of its layer: small pictures, each of which is what the layer would be if it ended now."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PIL import Image

from strata.diffusion import previews
from strata.diffusion.pipelines import Loaded
from strata.imaging import compositing
from strata.imaging.windows import Flattened, Window
from strata.painting.progress import Reporter
from strata.painting.under_way import Preview

QUALITY = 90
"""Of a preview as WebP, which has a few kilobytes then: a tenth of a PNG."""

Finish = Callable[[Image.Image], Image.Image]
"""Makes of what a model paints ("RGB") what the layer shows of it, both small."""


def as_it_is(picture: Image.Image) -> Image.Image:
    """A Finish for what a model paints whole."""
    return picture


@contextmanager
def shown_all(loaded: Loaded, size: tuple[int, int], reporter: Reporter, finish: Finish = as_it_is) -> Iterator[None]:
    """Reports previews of a pass that paints all of a canvas, `size` (width, height) in pixels."""
    with _reported(loaded, size, (0, 0, *size), reporter, finish):
        yield


@contextmanager
def shown_in_window(loaded: Loaded, window: Window, reporter: Reporter) -> Iterator[None]:
    """Reports previews of a subject: its window, cut out by the mask."""

    def cut(picture: Image.Image) -> Image.Image:
        return compositing.cut_out(picture, window.soft.resize(picture.size))

    with _reported(loaded, window.plate.size, window.box, reporter, cut):
        yield


@contextmanager
def shown_over(loaded: Loaded, view: Flattened, reporter: Reporter) -> Iterator[None]:
    """Reports previews of a flattened stack that is refined."""

    def replace(picture: Image.Image) -> Image.Image:
        soft = view.soft and view.soft.resize(picture.size)
        return Flattened(view.picture.resize(picture.size), soft).replace(picture)

    with shown_all(loaded, view.picture.size, reporter, replace):
        yield


@contextmanager
def _reported(
    loaded: Loaded, size: tuple[int, int], box: tuple[int, int, int, int], reporter: Reporter, finish: Finish
) -> Iterator[None]:
    def report(picture: Image.Image) -> None:
        reporter.preview(Preview(_encode(finish(picture)), box))

    with previews.shown(loaded.pipeline, size, report, reporter.is_watched):
        yield


def _encode(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=QUALITY, method=0)  # the fastest; its alpha is exact
    return content.getvalue()
