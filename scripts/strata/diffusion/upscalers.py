"""Diffusion pipelines that make a picture larger, tile by tile."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from strata.diffusion.inference import pad_size, to_signed
from strata.diffusion.pipelines import UPSCALERS
from strata.errors import StrataError
from strata.imaging.arrays import Array, to_image
from strata.imaging.tiles import Enlarge
from strata.passes import Upscale

MULTIPLE = 64  # what a tile's width and height must be multiples of


def prepare(
    pipeline: Any, spec: Upscale, size: tuple[int, int], tiles: int, on_step: Callable[[int, int], None]
) -> Enlarge:
    """Returns what enlarges a tile of one picture.

    The noise that all tiles start from is one sheet, of which each takes its part: where two share pixels, they start from
    the same, and fade into each other the better.

    Args:
        pipeline: one of UPSCALERS, ready to paint.
        spec: the pass, with `prompt`, `negative_prompt`, `seed`, `steps`, `guidance_scale` and `noise_level`.
        size: the picture's width and height in pixels.
        tiles: how many there will be, for `on_step`.
        on_step: called after each step of the sampler with the steps done and those of all tiles.
    """
    cells = UPSCALERS[type(pipeline).__name__]
    accepted = inspect.signature(pipeline.__call__).parameters
    seed = to_signed(spec["seed"])
    width, height = pad_size((size[0] + MULTIPLE, size[1] + MULTIPLE), MULTIPLE)
    channels = pipeline.vae.config.latent_channels
    sheet = torch.randn(
        (1, channels, int(height * cells), int(width * cells)), generator=torch.Generator("cpu").manual_seed(seed)
    )
    done = 0

    def step(*_: Any) -> None:
        nonlocal done
        done += 1
        on_step(done, spec["steps"] * tiles)

    def enlarge(tile: Image.Image, corner: tuple[int, int]) -> Image.Image:
        across, down = pad_size(tile.size, MULTIPLE)
        left, top = (int(length * cells) for length in corner)
        noise = sheet[:, :, top : top + int(down * cells), left : left + int(across * cells)]
        arguments = {
            "prompt": spec["prompt"],
            "negative_prompt": spec["negative_prompt"],
            "image": _extended(tile, (across, down)),
            "num_inference_steps": spec["steps"],
            "guidance_scale": spec["guidance_scale"],
            "noise_level": spec["noise_level"],
            "generator": torch.Generator("cpu").manual_seed(seed),
            "latents": noise.to(pipeline.unet.dtype),
            "output_type": "np",
            "callback": step,
        }
        with torch.no_grad():
            result = pipeline(**{name: value for name, value in arguments.items() if name in accepted})
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise StrataError("The upscaler's safety checker blacked a tile out. Change the prompt or the seed.")
        pixels: Array = result.images[0]
        factor = pixels.shape[1] // across
        return _to_picture(pixels).crop((0, 0, tile.width * factor, tile.height * factor))

    return enlarge


def _extended(tile: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Continues a tile's last row and column."""
    right, below = size[0] - tile.width, size[1] - tile.height
    return Image.fromarray(np.pad(np.asarray(tile), ((0, below), (0, right), (0, 0)), mode="edge"))


def _to_picture(pixels: Array) -> Image.Image:
    if not np.isfinite(pixels).all():
        raise StrataError(
            "The upscaler returned numbers that are not finite. Give the upscaler `dtype: bfloat16` or `dtype: float32`."
        )
    return to_image(pixels)
