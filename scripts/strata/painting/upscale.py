"""How a picture is made larger by a network or a diffusion model: tile by tile."""

import itertools
from pathlib import Path

from PIL import Image

from strata.diffusion import super_resolution, upscalers
from strata.diffusion.pipelines import Loaded
from strata.imaging import tiles
from strata.painting.progress import Reporter
from strata.passes import Upscale


def by_network(
    network: Path, device: str, spec: Upscale, picture: Image.Image, tile: int, reporter: Reporter
) -> Image.Image:
    """The larger picture, "RGB". `tile` is the side in pixels of what the network sees at once."""
    enlarge = super_resolution.load(network, device)
    overlap = _overlap(spec, tile)

    def once(image: Image.Image) -> Image.Image:
        count = tiles.count(image.size, tile, overlap)
        return tiles.tiled(image, tile, overlap, _reporting(enlarge, count, reporter))

    return tiles.enlarge_to(picture, spec["factor"], once)


def by_diffusion(loaded: Loaded, spec: Upscale, picture: Image.Image, tile: int, reporter: Reporter) -> Image.Image:
    """The larger picture, "RGB". `tile` is the side in pixels of what the model sees at once."""
    overlap = _overlap(spec, tile)

    def once(image: Image.Image) -> Image.Image:
        count = tiles.count(image.size, tile, overlap)
        enlarge = upscalers.prepare(loaded.pipeline, spec, image.size, count, reporter.step)
        with loaded.prompts.lent_to(loaded.pipeline, None):
            return tiles.tiled(image, tile, overlap, enlarge)

    return tiles.enlarge_to(picture, spec["factor"], once)


def _overlap(spec: Upscale, tile: int) -> int:
    return min(spec["overlap"], tile // 2)


def _reporting(enlarge: tiles.Enlarge, count: int, reporter: Reporter) -> tiles.Enlarge:
    """The same, with a step reported for each tile of `count`."""
    done = itertools.count(1)

    def enlarge_and_report(tile: Image.Image, corner: tuple[int, int]) -> Image.Image:
        larger = enlarge(tile, corner)
        reporter.step(next(done), count)
        return larger

    return enlarge_and_report
