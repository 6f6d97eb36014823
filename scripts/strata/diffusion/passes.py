"""One run of a pipeline: text to image, or inpainting. Pillow pictures in, Pillow pictures out."""

import inspect
from collections.abc import Callable, Mapping

import numpy as np
import torch
from PIL import Image

from strata.errors import StrataError

OnStep = Callable[[int, int], None]
"""Told after each step of the sampler: the steps done, and all of them."""


def text_to_image(pipeline, spec: Mapping, on_step: OnStep) -> Image.Image:
    """Paints `spec["width"]` x `spec["height"]` pixels from the prompt alone; "RGB".

    Raises:
        StrataError: the result is not a picture.
    """
    size = spec["width"], spec["height"]
    width, height = padded(size, multiple(pipeline))
    return _run(pipeline, spec, on_step, width=width, height=height).crop((0, 0, *size))


def inpaint(pipeline, spec: Mapping, plate: Image.Image, mask: Image.Image, on_step: OnStep) -> Image.Image:
    """Paints where the mask is white, seeing the plate; "RGB" of the plate's size.

    What lies outside the mask has changed a little, too: a pipeline returns all that its decoder makes. Cut it out.

    Args:
        plate: "RGB".
        mask: "L" with 0 and 255 alone, since pipelines cut it at one half; of the plate's size.

    Raises:
        ValueError: plate and mask do not fit each other.
        StrataError: the result is not a picture.
    """
    if plate.mode != "RGB" or mask.mode != "L" or plate.size != mask.size:
        raise ValueError(
            f"a plate in RGB and a mask in L of one size are needed, not {plate.mode} {plate.size} and {mask.mode} "
            f"{mask.size}"
        )
    width, height = padded(plate.size, multiple(pipeline))
    result = _run(
        pipeline,
        spec,
        on_step,
        width=width,
        height=height,
        image=_extend(plate, (width, height)),
        mask_image=_extend(mask, (width, height)),
        strength=spec["strength"],
    )
    return result.crop((0, 0, *plate.size))


def multiple(pipeline) -> int:
    """What width and height must be multiples of: the pixels of a latent cell, or of a patch of cells."""
    return pipeline.image_processor.config.vae_scale_factor


def padded(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """A size in pixels, rounded up to multiples."""
    width, height = (-(-length // multiple) * multiple for length in size)
    return width, height


def _extend(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Continues the picture's last row and column, so that a pass sees no border where there is none."""
    right, below = size[0] - image.width, size[1] - image.height
    pixels = np.asarray(image)
    return Image.fromarray(np.pad(pixels, ((0, below), (0, right), *((0, 0),) * (pixels.ndim - 2)), mode="edge"))


def _run(pipeline, spec: Mapping, on_step: OnStep, **arguments) -> Image.Image:
    def report(pipe, step: int, timestep: int, tensors: dict) -> dict:
        on_step(step + 1, pipe.num_timesteps)
        return tensors

    arguments |= {
        "prompt": spec["prompt"],
        "negative_prompt": spec["negative_prompt"],
        "num_inference_steps": spec["steps"],
        "guidance_scale": spec["guidance_scale"],
        # Noise from the CPU is the same for a seed on every device.
        "generator": torch.Generator("cpu").manual_seed(_signed(spec["seed"])),
        "output_type": "np",
        "callback_on_step_end": report,
    }
    # Families differ in what they take: guidance-distilled ones have no negative prompt, for one.
    accepted = inspect.signature(pipeline.__call__).parameters
    with torch.inference_mode():
        result = pipeline(**{name: value for name, value in arguments.items() if name in accepted})
    if any(getattr(result, "nsfw_content_detected", None) or ()):
        raise StrataError(
            "The model's safety checker blacked the picture out. Change the prompt or the seed, then build again."
        )
    return _picture(result.images[0])


def _signed(seed: int) -> int:
    """torch reads a seed as a signed number of 64 bits; the upper half wraps round."""
    return seed - 2**64 if seed >= 2**63 else seed


def _picture(pixels: np.ndarray) -> Image.Image:
    """Values from 0 to 1 of shape (height, width, 3), as "RGB", rounded. Refuses what is no picture."""
    if not np.isfinite(pixels).all():
        raise StrataError(
            "The model returned numbers that are not finite, which would be a black picture. Give the model `dtype: "
            "bfloat16` or `float32` in the config, then build again."
        )
    rounded = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if (rounded == rounded[0, 0]).all():
        raise StrataError(
            f"The model returned one flat colour, {tuple(map(int, rounded[0, 0]))}. Change the seed or the prompt; if it "
            "stays black, give the model `dtype: bfloat16` or `float32` in the config."
        )
    return Image.fromarray(rounded)
