"""One run of a pipeline: text to image, image to image, or inpainting. Pillow pictures in, Pillow pictures out."""

import inspect
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image

from strata.diffusion import guidance
from strata.errors import StrataError
from strata.imaging.arrays import Array, to_image
from strata.imaging.guides import UNGUIDED, Guides
from strata.passes import DiffusionPass, ImageToImage, Inpaint, Refine, TextToImage

OnStep = Callable[[int, int], None]
"""Called after each step of the sampler with the steps done and all of them."""

OnNote = Callable[[str], None]
"""Called with a sentence about a key of the pass that has no meaning for the pipeline."""

ARGUMENTS = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "steps": "num_inference_steps",
    "guidance_scale": "guidance_scale",
    "strength": "strength",
    "prompt_2": "prompt_2",
    "clip_skip": "clip_skip",
}
"""The keys of a pass, and what pipelines call them."""

PAINTED_ON = {"image", "control_mask"}
"""The arguments that say that a pipeline is given a picture which it paints on, or a plate and a mask."""

NOTHING: Mapping[str, Any] = MappingProxyType({})

SILENT: dict[str, object] = {"negative_prompt": "", "strength": 1.0}
"""Values that ask for nothing, so that a pipeline which has no such thing leaves nothing undone."""


def ignored(sentence: str) -> None:
    """An OnNote that nobody listens to."""


NOT_FINITE = (
    "The model returned numbers that are not finite, which would be a black picture. Give the model `dtype: bfloat16` or "
    "`dtype: float32`, then build again."
)


def text_to_image(
    pipeline: Any,
    spec: TextToImage,
    on_step: OnStep,
    on_note: OnNote = ignored,
    arguments: Mapping[str, Any] = NOTHING,
    guides: Guides = UNGUIDED,
) -> Image.Image:
    """Paints `spec["width"]` x `spec["height"]` pixels from the prompt alone; "RGB".

    Args:
        arguments: what else the pipeline is called with, see attachments.py.
        guides: what guides it beside the prompt.

    Raises:
        StrataError: the pipeline wants what a pass does not have, or the result is not a picture.
    """
    size = spec["width"], spec["height"]
    padded = pad_size(size, size_multiple(pipeline))
    return _run(pipeline, spec, on_step, on_note, padded, guides, **arguments).crop((0, 0, *size))


def image_to_image(
    pipeline: Any,
    spec: ImageToImage | Refine,
    picture: Image.Image,
    on_step: OnStep,
    on_note: OnNote = ignored,
    arguments: Mapping[str, Any] = NOTHING,
    guides: Guides = UNGUIDED,
) -> Image.Image:
    """Paints a picture anew, as far as `spec["strength"]` says; "RGB" of its size.

    Args:
        picture: "RGB".
        arguments, guides: as for text_to_image().

    Raises:
        StrataError: the pipeline wants what a pass does not have, or the result is not a picture.
    """
    padded = pad_size(picture.size, size_multiple(pipeline))
    canvas: dict[str, Any] = {"image": _extend(picture, padded)}
    if "mask_image" in inspect.signature(pipeline.__call__).parameters:
        # A family that inpaints, and has no pipeline of its own for this.
        canvas["mask_image"] = Image.new("L", padded, 255)
    return _run(pipeline, spec, on_step, on_note, padded, guides, **arguments, **canvas).crop((0, 0, *picture.size))


def inpaint(
    pipeline: Any,
    spec: Inpaint,
    plate: Image.Image,
    mask: Image.Image,
    on_step: OnStep,
    on_note: OnNote = ignored,
    arguments: Mapping[str, Any] = NOTHING,
    guides: Guides = UNGUIDED,
) -> Image.Image:
    """Paints where the mask is white, seeing the plate; "RGB" of the plate's size.

    What lies outside the mask has changed a little, too: a pipeline returns all that its decoder makes. Cut it out.

    Args:
        plate: "RGB".
        mask: "L" with 0 and 255 alone, since pipelines cut it at one half; of the plate's size.
        arguments, guides: as for text_to_image().

    Raises:
        ValueError: plate and mask do not fit each other.
        StrataError: the pipeline wants what a pass does not have, or the result is not a picture.
    """
    if plate.mode != "RGB" or mask.mode != "L" or plate.size != mask.size:
        raise ValueError(
            f"a plate in RGB and a mask in L of one size are needed, not {plate.mode} {plate.size} and {mask.mode} "
            f"{mask.size}"
        )
    padded = pad_size(plate.size, size_multiple(pipeline))
    canvas = guidance.lay_out(pipeline, spec, _extend(plate, padded), _extend(mask, padded))
    canvas |= _spare_encoding(pipeline, padded)
    return _run(pipeline, spec, on_step, on_note, padded, guides, **arguments, **canvas).crop((0, 0, *plate.size))


def _spare_encoding(pipeline: Any, size: tuple[int, int]) -> dict[str, torch.Tensor]:
    """What keeps a pipeline from encoding the masked plate where its UNet never sees it.

    A UNet of 4 channels sees the latents alone, and diffusers encodes the masked plate all the same. Latents that it is given are
    taken as they are.
    """
    unet = getattr(pipeline, "unet", None)
    accepted = inspect.signature(pipeline.__call__).parameters
    if unet is None or unet.config.in_channels != 4 or "masked_image_latents" not in accepted:
        return {}
    width, height = (length // pipeline.vae_scale_factor for length in size)
    return {"masked_image_latents": torch.zeros(1, 4, height, width)}


def size_multiple(pipeline: Any) -> int:
    """What width and height must be multiples of: the pixels of a latent cell, or of a patch of cells.

    Families differ in where they say it: some in the image processor, some in the size of the transformer's patches.
    """
    transformer = getattr(pipeline, "transformer", None)
    patch = pipeline.vae_scale_factor * getattr(getattr(transformer, "config", None), "patch_size", 1)
    return math.lcm(patch, pipeline.image_processor.config.vae_scale_factor)


def find_arguments(pipeline: Any, spec: DiffusionPass) -> tuple[dict[str, Any], list[str]]:
    """What a pass gives to a pipeline, by the pipeline's own names, and the keys that have no meaning for it.

    The pipeline's signature decides, and its transformer's config, which says whether the guidance was distilled into the
    weights. If so there is nothing that a negative prompt could steer; if not, its `guidance_scale`, where it has a
    `true_cfg_scale` beside it, would be for a distilled one.
    """
    accepted = set(inspect.signature(pipeline.__call__).parameters)
    distilled = getattr(getattr(pipeline, "transformer", None), "config", {}).get("guidance_embeds")
    true_guidance = distilled is False and "true_cfg_scale" in accepted
    names = ARGUMENTS | ({"guidance_scale": "true_cfg_scale"} if true_guidance else {})
    if distilled:
        accepted.discard("negative_prompt")
    given = {key: value for key, value in spec.items() if key in names and value is not None}
    known = {names[key]: value for key, value in given.items() if names[key] in accepted}
    return known, [key for key, value in given.items() if names[key] not in accepted and value != SILENT.get(key)]


def pad_size(size: tuple[int, int], multiple: int) -> tuple[int, int]:
    """A size in pixels, rounded up to multiples."""
    width, height = (-(-length // multiple) * multiple for length in size)
    return width, height


def _extend(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Continues the picture's last row and column, so that a pass sees no border where there is none."""
    right, below = size[0] - image.width, size[1] - image.height
    pixels = np.asarray(image)
    return Image.fromarray(np.pad(pixels, ((0, below), (0, right), *((0, 0),) * (pixels.ndim - 2)), mode="edge"))


def _run(
    pipeline: Any,
    spec: DiffusionPass,
    on_step: OnStep,
    on_note: OnNote,
    size: tuple[int, int],
    guides: Guides,
    **canvas: Any,
) -> Image.Image:
    """Runs a pipeline on what it is given; "RGB" of the size, (width, height) in pixels."""
    model = spec["model"]["id"]
    canvas |= guidance.find_arguments(
        pipeline,
        spec,
        guides,
        paints_on=bool(canvas.keys() & PAINTED_ON),
        extend=lambda picture: _extend(picture, size),
    )
    canvas |= _find_sides(pipeline, size)

    def report(pipe: Any, step: int, timestep: int, tensors: dict[str, Any]) -> dict[str, Any]:
        if step == 0 and given.get("negative_prompt") and not getattr(pipe, "do_classifier_free_guidance", True):
            on_note(f"{model} is unguided at guidance_scale {spec['guidance_scale']:g}: negative_prompt does nothing")
        if (
            step & (step + 1)
        ) == 0:  # steps 1, 2, 4, 8 ...: what overflows does so early, and a long pass need not end for it
            _check_latents(tensors.get("latents"))
        on_step(step + 1, pipe.num_timesteps)
        return tensors

    given, meaningless = find_arguments(pipeline, spec)
    # Some families draw from torch's own generator, too, when they encode a picture.
    torch.manual_seed(to_signed(spec["seed"]))
    given |= canvas | {
        # Noise from the CPU is the same for a seed on every device.
        "generator": torch.Generator("cpu").manual_seed(to_signed(spec["seed"])),
        "output_type": "np",
        "callback_on_step_end": report,
    }
    _check_signature(pipeline, given, model)
    _check_clip_skip(pipeline, given.get("clip_skip"))
    _check_steps(pipeline, spec["steps"], model)
    for key in meaningless:
        on_note(f"{model} is a {type(pipeline).__name__}, for which {key} has no meaning: it does nothing")
    with (
        torch.no_grad()
    ):  # not inference_mode(): offload hooks move weights in here, which could then not be changed later
        result = pipeline(**given)
    if any(getattr(result, "nsfw_content_detected", None) or ()):
        raise StrataError(
            "The model's safety checker blacked the picture out. Change the prompt or the seed, then build again."
        )
    picture = _to_picture(result.images[0])
    if picture.size == size:
        return picture
    on_note(
        f"{model} is a {type(pipeline).__name__}, which paints {size[0]} x {size[1]} pixels as {picture.width} x {picture.height}: "
        "the result is resampled"
    )
    return picture.resize(size, Image.Resampling.LANCZOS)


def _find_sides(pipeline: Any, size: tuple[int, int]) -> dict[str, Any]:
    """The arguments that say how large a picture is to be. Some families take the size of the picture that they paint on."""
    accepted = inspect.signature(pipeline.__call__).parameters
    sides = {"width": size[0], "height": size[1]}
    # FLUX.1 Kontext goes by an area, and by a list of sizes of its own unless told otherwise.
    sides |= {"max_area": size[0] * size[1], "_auto_resize": False} if "max_area" in accepted else {}
    return {name: value for name, value in sides.items() if name in accepted}


def _check_signature(pipeline: Any, given: Mapping[str, Any], model: str) -> None:
    """Refuses a pipeline that is for something else: one that needs a depth map, say, or that takes no size."""
    parameters = inspect.signature(pipeline.__call__).parameters
    needed = {
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    if odd := sorted(given.keys() - parameters.keys() | needed - given.keys()):
        raise StrataError(
            f"The model {model} is a {type(pipeline).__name__}, which does not fit this kind of layer: the two "
            f"disagree on {', '.join(odd)}. Use another model for it."
        )


def _check_clip_skip(pipeline: Any, skipped: int | None) -> None:
    layers = pipeline.text_encoder.config.num_hidden_layers if skipped else 0
    if skipped and skipped >= layers:
        raise StrataError(
            f"clip_skip is {skipped}, but the model's text encoder has {layers} layers, of which one must remain. Lower it."
        )


def _check_steps(pipeline: Any, steps: int, model: str) -> None:
    """Refuses a number of steps whose first would lie beyond the noise that the model was trained with."""
    config = pipeline.scheduler.config
    trained, offset = config.get("num_train_timesteps"), config.get("steps_offset", 0)
    if trained and config.get("timestep_spacing") == "leading" and steps <= trained:
        beyond = (steps - 1) * (trained // steps) + offset >= trained
        if beyond:
            raise StrataError(
                f"steps is {steps}, but the sampler of {model} ({type(pipeline.scheduler).__name__}) can take at most "
                f"{trained - offset}. Lower it."
            )


def to_signed(seed: int) -> int:
    """torch reads a seed as a signed number of 64 bits; the upper half wraps round."""
    return seed - 2**64 if seed >= 2**63 else seed


def _check_latents(latents: torch.Tensor | None) -> None:
    if latents is not None and not torch.isfinite(latents).all():
        raise StrataError(NOT_FINITE)


def _to_picture(pixels: Array) -> Image.Image:
    """Values from 0 to 1 of shape (height, width, 3), as "RGB", rounded. Refuses what is no picture."""
    if not np.isfinite(pixels).all():
        raise StrataError(NOT_FINITE)
    picture = to_image(pixels)
    if (np.asarray(picture) == picture.getpixel((0, 0))).all():
        raise StrataError(
            f"The model returned one flat colour, {picture.getpixel((0, 0))}. Change the seed or the prompt. If it stays "
            "black, give the model `dtype: bfloat16` or `dtype: float32`."
        )
    return picture
