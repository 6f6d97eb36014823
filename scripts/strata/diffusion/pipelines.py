"""Loading a diffusers pipeline: safetensors alone, no remote code, and laid out for the device's memory."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline

from strata.diffusion import devices, speed, vision_processors
from strata.diffusion.encoded_prompts import EncodedPrompts
from strata.diffusion.loading import LoadError, explain
from strata.errors import StrataError
from strata.models import families
from strata.passes import PassModel

AUTO_CLASSES = {
    "text_to_image": "AutoPipelineForText2Image",
    "image_to_image": "AutoPipelineForImage2Image",
    "inpaint": "AutoPipelineForInpainting",
}

LAYERED = "QwenImageLayeredPipeline"
"""The pipeline that takes a picture apart."""

UPSCALERS = {"StableDiffusionUpscalePipeline": 1.0, "StableDiffusionLatentUpscalePipeline": 0.25}
"""The pipelines that make a picture larger, and how many cells of latents each makes for a pixel of it, along a side."""

TILE = 256  # pixels, the side of an autoencoder's tile where memory is short


@dataclass(frozen=True)
class Loaded:
    """A pipeline that is ready to paint.

    Attributes:
        device: torch's name of the device.
        placement: a step of devices.LADDER.
        prompts: what it has encoded so far.
    """

    pipeline: Any
    device: str
    placement: str
    prompts: EncodedPrompts = field(default_factory=EncodedPrompts)


def load(
    task: str,
    model: PassModel,
    folder: Path | None,
    device: str,
    placement: str,
    attempt: int,
    shared: Mapping[str, Any] | None = None,
    controlnet: tuple[PassModel, Path | None] | None = None,
) -> Loaded:
    """Loads a pipeline and lays it out on a device.

    Args:
        task: text_to_image, image_to_image, inpaint, upscale or decompose.
        folder: the model's; None for one on the hub, which is fetched if it is not in the hub's cache.
        device: torch's name of it.
        placement, attempt: see devices.choose_placement().
        shared: components that another pipeline has on the device already, by name.
        controlnet: a ControlNet and its folder, as those of the model.

    Raises:
        LoadError: the weights are not there, or are not safetensors.
    """
    shared = shared or {}
    source = folder or model["id"]
    beside = {"controlnet": _load_controlnet(*controlnet, task, device)} if controlnet else {}
    with _sentences(fetching=folder is None):
        index = DiffusionPipeline.load_config(source, revision=model["revision"])
        kind = _find_class(task, index["_class_name"], source)
        if beside:
            kind = _find_controlled(index["_class_name"], type(beside["controlnet"]).__name__, task)
            _check_fit(beside["controlnet"], source, model["revision"])
        if vision_processors.FOLDER in index:
            beside[vision_processors.FOLDER] = vision_processors.load(source, model["revision"])
        pipeline = kind.from_pretrained(
            source,
            revision=model["revision"],
            variant=model["variant"],
            dtype=devices.choose_dtype(model["dtype"], device),
            use_safetensors=True,
            **{**shared, **beside},
        )
    unet: Any = getattr(pipeline, "unet", None)
    only_inpaints = bool(unet) and unet.config.in_channels > unet.config.out_channels
    if task in ("text_to_image", "image_to_image") and only_inpaints:
        raise LoadError(
            f"its UNet takes {unet.config.in_channels} channels, among them a mask, so that it can only inpaint"
        )
    if beside.get("controlnet") is not None and (
        reason := families.refuse_union(type(beside["controlnet"]).__name__, task, only_inpaints)
    ):
        raise LoadError(f"it is a model {reason}")
    there = {id(part) for part in shared.values()}
    missing = [_count_bytes(part) for part in find_modules(pipeline) if id(part) not in there]
    chosen = devices.choose_placement(placement, attempt, device, missing or [0], devices.free_memory(device))
    if shared and chosen != devices.LADDER[0]:
        # Offload hooks move a part about, which the other pipeline could not stand.
        del pipeline
        return load(task, model, folder, device, placement, attempt, None, controlnet)
    if getattr(pipeline, "watermark", None):
        # SDXL marks every pixel if a certain package happens to be installed, so the same scene would differ by machine.
        pipeline.watermark = None
    pipeline.set_progress_bar_config(disable=True)
    asked = model.get("speed")
    if asked and id(speed.find_denoiser(pipeline)) not in there:  # a shared one was made faster already
        speed.apply(pipeline, asked, devices.choose_dtype(model["dtype"], device), device)
    loaded = Loaded(pipeline, device, chosen)
    place(loaded)
    return loaded


def _load_controlnet(model: PassModel, folder: Path | None, task: str, device: str) -> Any:
    source = folder or model["id"]
    with _sentences(fetching=folder is None, of_controlnet=True):
        described = diffusers.ControlNetModel.load_config(source, revision=model["revision"])
        named = described.get("_class_name")
        if named not in {kind for kinds in families.CONTROLLED.values() for kind in kinds}:
            raise ValueError(f"it is a {named or 'network without a name'}, and no ControlNet that is known here")
        if reason := families.refuse_channels(named, described, task):
            raise ValueError(reason)
        # Some say nothing of the mask, although their weights have it.
        key, count = families.MASK_CHANNELS.get(named, ("", 0))
        masked = {key: count} if key and task == "inpaint" else {}
        return getattr(diffusers, named).from_pretrained(
            source,
            revision=model["revision"],
            variant=model["variant"],
            dtype=devices.choose_dtype(model["dtype"], device),
            use_safetensors=True,
            **masked,
        )


def _find_controlled(pipeline: str, controlnet: str, task: str) -> Any:
    named, reason = families.find_controlled(pipeline, controlnet, task)
    if named is None:
        raise StrataError(f"The model is a {pipeline}, {reason}.")
    return getattr(diffusers, named)


def _check_fit(controlnet: Any, source: str | Path, revision: str | None) -> None:
    """Refuses a ControlNet for another size of UNet: their classes are the same."""
    made_for = controlnet.config.get("cross_attention_dim")
    if made_for is None:
        return
    unet = diffusers.UNet2DConditionModel.load_config(source, subfolder="unet", revision=revision)
    if unet.get("cross_attention_dim") != made_for:
        raise LoadError(
            f"it is made for a UNet whose cross_attention_dim is {made_for}, and that of {source} is "
            f"{unet.get('cross_attention_dim')}: take one for its family",
            of_controlnet=True,
        )


@contextmanager
def _sentences(fetching: bool, of_controlnet: bool = False) -> Iterator[None]:
    """Has what diffusers raises for files that it cannot load come out as a LoadError."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, TypeError) as error:
        if devices.ran_out_of_memory(error):
            raise
        raise explain(error, fetching, of_controlnet) from None


def _find_class(task: str, named: Any, source: str | Path) -> Any:
    """The class of the pipeline for a task: one of diffusers', whatever the model names.

    The model's own class where that is for this task alone (FLUX.1-Fill's is in no list of the Auto classes), else the one
    that the Auto classes choose for its family. A family without image to image paints a picture anew by inpainting all of it.
    """
    if task == "upscale":
        if named not in UPSCALERS:
            raise StrataError(f"{source} is a {named}, which is no upscaler. There are: {', '.join(UPSCALERS)}.")
        return getattr(diffusers, named)
    if task == "decompose":
        if named != LAYERED:
            raise StrataError(f"{source} is a {named}, which takes no picture apart into layers. A {LAYERED} does.")
        return getattr(diffusers, named)
    family = families.find_family(named) if isinstance(named, str) else None
    if family is not None:
        # diffusers' Auto classes import every family that there is, which takes seconds. For these they would choose the same.
        kinds = [f"{family}{families.SUFFIXES[kind]}" for kind in (task, "inpaint")]
        return next(getattr(diffusers, kind) for kind in kinds if hasattr(diffusers, kind))
    own = getattr(diffusers, named, None) if isinstance(named, str) else None
    if isinstance(own, type) and issubclass(own, DiffusionPipeline) and _is_for(task, own):
        return own
    return getattr(diffusers, AUTO_CLASSES[task])


def _is_for(task: str, pipeline: type[DiffusionPipeline]) -> bool:
    """Whether the signature of a pipeline says that it takes the pictures of a task."""
    takes = inspect.signature(pipeline.__call__).parameters.keys()
    if task == "inpaint":
        return {"prompt", "image", "mask_image"} <= takes
    return task == "image_to_image" and {"prompt", "image", "strength"} <= takes and "mask_image" not in takes


def find_modules(pipeline: Any) -> list[torch.nn.Module]:
    """The parts of a pipeline that have weights, each once."""
    parts = pipeline.components.values()
    return list({id(part): part for part in parts if isinstance(part, torch.nn.Module)}.values())


def _count_bytes(part: torch.nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in part.parameters())


def place(loaded: Loaded) -> None:
    """Lays a pipeline that has no offload hooks out on its device."""
    pipeline, device, placement = loaded.pipeline, loaded.device, loaded.placement
    if placement == "tiles":
        _tile(pipeline)
    # One of the three and never two: a pipeline with offload hooks must not be moved.
    if placement == "whole" or not devices.has_own_memory(device):
        pipeline.to(device)
    elif placement == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        pipeline.enable_sequential_cpu_offload(device=device)


def _tile(pipeline: Any) -> None:
    """Lets the autoencoder work on overlapping tiles, one at a time, if it can."""
    autoencoder: Any = getattr(pipeline, "vae", None)
    if hasattr(autoencoder, "use_slicing"):
        autoencoder.enable_slicing()
    if not hasattr(autoencoder, "use_tiling"):
        return
    autoencoder.enable_tiling()
    if isinstance(autoencoder, diffusers.AutoencoderTiny):
        # diffusers reads the number of halvings from the channels of a picture: three, whatever the autoencoder is built of.
        factor = 2 ** (len(autoencoder.config["decoder_block_out_channels"]) - 1)
        autoencoder.spatial_scale_factor = factor
        autoencoder.tile_sample_min_size, autoencoder.tile_latent_min_size = TILE, TILE // factor
        return
    side = getattr(autoencoder, "tile_sample_min_size", None)
    if isinstance(side, int) and side > TILE:
        # An autoencoder's own tile is what it was trained on, and may be as large as the picture.
        cells = autoencoder.tile_latent_min_size
        autoencoder.tile_sample_min_size, autoencoder.tile_latent_min_size = TILE, TILE * cells // side
