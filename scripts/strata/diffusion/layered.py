"""A picture taken apart into layers, by Qwen-Image-Layered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from strata.diffusion.inference import NOT_FINITE, to_signed
from strata.errors import StrataError
from strata.imaging.arrays import to_image

NOTHING = " "
"""A negative prompt that names nothing, as the model's makers have it: without one there is no guidance."""


@dataclass(frozen=True)
class Decomposition:
    """How a picture is taken apart.

    Attributes:
        layers: how many layers it becomes.
        resolution: 640 or 1024: the side of a square with as many pixels as each layer has.
        prompt: what the picture shows. None has the model's own text encoder say it. It does not steer what goes into which layer.
    """

    layers: int
    resolution: int
    seed: int
    steps: int
    guidance_scale: float
    prompt: str | None


def decompose(
    pipeline: Any, picture: Image.Image, how: Decomposition, on_step: Callable[[int, int], None]
) -> list[Image.Image]:
    """The layers of a picture, bottom to top: "RGBA" of one size, with about the picture's proportions.

    Args:
        pipeline: a QwenImageLayeredPipeline.
        picture: "RGB" or "RGBA".
        on_step: called after each step with the steps done and all of them.

    Raises:
        StrataError: what came out is no picture.
    """

    def report(pipe: Any, step: int, timestep: int, tensors: dict[str, Any]) -> dict[str, Any]:
        on_step(step + 1, pipe.num_timesteps)
        return tensors

    with torch.no_grad():
        result = pipeline(
            image=picture.convert("RGBA"),
            prompt=how.prompt,
            negative_prompt=NOTHING,
            layers=how.layers,
            resolution=how.resolution,
            num_inference_steps=how.steps,
            true_cfg_scale=how.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(to_signed(how.seed)),
            output_type="np",
            callback_on_step_end=report,
        )
    pixels = result.images[0]
    if not np.isfinite(pixels).all():
        raise StrataError(NOT_FINITE)
    return [to_image(layer) for layer in pixels]
