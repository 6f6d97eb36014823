"""What guides a pass beside its prompt, as arguments of its pipeline: a reference, and what a ControlNet follows."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from strata.errors import StrataError
from strata.imaging.guides import Guides
from strata.models import families
from strata.passes import DiffusionPass

Extend = Callable[[Image.Image], Image.Image]
"""Brings a picture of the size of what a pass sees to the size that its pipeline paints."""


MODES: Mapping[str, Mapping[str, int]] = {
    "ControlNetUnionModel": {"depth": 1, "canny": 3},
    "FluxControlNetModel": {"canny": 0, "depth": 2},
}
"""The numbers that ControlNets of several kinds have for them: xinsir's for XL, InstantX's and Shakker's for FLUX."""


def find_arguments(
    pipeline: Any, spec: DiffusionPass, guides: Guides, paints_on: bool, extend: Extend
) -> dict[str, Any]:
    """The arguments of a pipeline that carry what guides a pass.

    Args:
        paints_on: whether the pipeline is given a picture that it paints on: then `image` is that one, if it has one.

    Raises:
        StrataError: the pipeline takes no such thing.
    """
    accepted = inspect.signature(pipeline.__call__).parameters
    found: dict[str, Any] = {}
    kind, task = type(pipeline).__name__, "inpaint" if paints_on else "text_to_image"
    weight = None if guides.reference is None else spec["reference_weight"]
    if reason := families.refuse_reference(kind, task, weight):
        raise StrataError(f"The model {spec['model']['id']} is a {kind}, {reason}.")
    if guides.reference is not None:
        found[families.REFERENCES[families.find_family(kind) or ""][task]] = guides.reference
    if control := spec["control"]:
        if reason := families.refuse_kind(kind, task, control["kind"]):
            raise StrataError(f"The model {spec['model']['id']} is a {kind}, {reason}.")
        if guides.control is not None:
            found["control_image" if "control_image" in accepted else "image"] = extend(guides.control)
        found["controlnet_conditioning_scale"] = float(control["scale"])
        mode = _find_mode(pipeline.controlnet, control["kind"], control["mode"])
        if mode is not None:
            found["control_mode"] = mode
    return found


def lay_out(pipeline: Any, spec: DiffusionPass, plate: Image.Image, mask: Image.Image) -> dict[str, Any]:
    """The arguments of a pipeline that inpaints which carry the plate and the mask.

    Args:
        plate: "RGB", of the size that the pipeline paints.
        mask: "L" of that size, 255 where it paints.
    """
    if "control_mask" in inspect.signature(pipeline.__call__).parameters:
        return {"control_image": plate, "control_mask": mask}  # its ControlNet alone sees them
    control = spec["control"]
    seen = {"control_image": _without_masked(plate, mask)} if control and control["kind"] == families.PLATE else {}
    return {"image": plate, "mask_image": mask, **seen}


def _without_masked(plate: Image.Image, mask: Image.Image) -> torch.Tensor:
    """A plate as Stable Diffusion's ControlNets for inpainting were trained to see it: values 0 to 1, and -1 under the mask.

    Shape (1, 3, height, width). Source: the example of
    diffusers' StableDiffusionControlNetInpaintPipeline.
    """
    pixels = np.asarray(plate, dtype=np.float32) / 255
    pixels[np.asarray(mask) > 127] = -1
    return torch.from_numpy(pixels).permute(2, 0, 1)[None]


def _find_mode(controlnet: Any, kind: str, mode: int | None) -> int | None:
    """The number that a ControlNet of several kinds has for one of them; None for one of a single kind."""
    count = controlnet.config.get("num_control_type") or controlnet.config.get("num_mode")
    named = type(controlnet).__name__
    if not count:
        return None
    found = MODES.get(named, {}).get(kind) if mode is None else mode
    if found is None:
        raise StrataError(
            f"The ControlNet is a union of {count} kinds ({named}), and a picture of kind {kind!r} does not say which of them it is. "
            f"Give `control.mode`, a number below {count}, from its maker's page."
        )
    if found >= count:
        raise StrataError(
            f"control.mode is {found}, but the ControlNet, a {named}, has {count} kinds. Give a number below {count}."
        )
    return found
