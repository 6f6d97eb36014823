"""Loading a diffusers pipeline: safetensors alone, no remote code, and laid out for the device's memory."""

import difflib
from collections.abc import Mapping

import diffusers
import torch
from diffusers import AutoPipelineForInpainting, AutoPipelineForText2Image

from strata import models
from strata.diffusion import hardware
from strata.errors import StrataError

CLASSES = {"text_to_image": AutoPipelineForText2Image, "inpaint": AutoPipelineForInpainting}


def load(task: str, model: Mapping, device: str, placement: str, attempt: int):
    """Returns a pipeline that is ready to paint.

    Args:
        task: text_to_image or inpaint.
        model: `id`, `revision`, `variant`, `dtype` and `scheduler`, as in the scene's schema.
        device: torch's name of it.
        placement, attempt: see hardware.placement().

    Raises:
        StrataError: the weights are not there, are not safetensors, or the scheduler is unknown.
    """
    dtype = hardware.dtype(model["dtype"], device)
    try:
        pipeline = CLASSES[task].from_pretrained(
            models.folder(model["id"]) or model["id"],
            revision=model["revision"],
            variant=model["variant"],
            dtype=dtype,
            use_safetensors=True,
        )
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise StrataError(_cannot_load(model["id"], error)) from None
    if model["scheduler"]:
        pipeline.scheduler = _scheduler(model["scheduler"], pipeline.scheduler)
    if getattr(pipeline, "watermark", None):
        # SDXL marks every pixel if a certain package happens to be installed, so the same scene would differ by machine.
        pipeline.watermark = None
    pipeline.set_progress_bar_config(disable=True)
    chosen = hardware.placement(placement, attempt, device, weights(pipeline), hardware.free_memory(device))
    _place(pipeline, device, chosen)
    return pipeline, chosen


def weights(pipeline) -> int:
    """The bytes of a pipeline's weights."""
    modules = {id(part): part for part in pipeline.components.values() if isinstance(part, torch.nn.Module)}
    return sum(tensor.numel() * tensor.element_size() for part in modules.values() for tensor in part.parameters())


def _place(pipeline, device: str, placement: str) -> None:
    # One of the three and never two: a pipeline with offload hooks must not be moved.
    if placement == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif placement == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.to(device)


def _scheduler(name: str, current):
    kinds = [kind for kind in dir(diffusers) if kind.endswith("Scheduler") and not kind.startswith("Flax")]
    if name not in kinds:
        close = ", ".join(difflib.get_close_matches(name, kinds, n=3)) or "EulerDiscreteScheduler"
        raise StrataError(
            f"diffusers has no scheduler {name!r} (the key `scheduler` of a model). Close to it: {close}."
        )
    return getattr(diffusers, name).from_config(current.config)


def _cannot_load(model: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:300]
    if models.folder(model):
        remedy = "Its folder must hold all parts that model_index.json names, with safetensors weights; copy it again."
    else:
        remedy = (
            "Fetch it while there is a network, name its `variant` if the hub has its safetensors only as fp16, or give "
            "a folder."
        )
    return f"The model {model} could not be loaded: {reason}. {remedy}"
