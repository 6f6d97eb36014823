"""What guides a pass beside its prompt, as arguments of its pipeline: a reference, and what a ControlNet follows."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

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
        paints_on: whether the pipeline is given a picture that it paints on: then `image` is that one.

    Raises:
        StrataError: the pipeline takes no such thing.
    """
    accepted = inspect.signature(pipeline.__call__).parameters
    found: dict[str, Any] = {}
    kind, task = type(pipeline).__name__, "inpaint" if paints_on else "text_to_image"
    if reason := families.refuse_reference(kind, task, guides.reference is not None):
        raise StrataError(f"The model {spec['model']['id']} is a {kind}, {reason}.")
    if guides.reference is not None:
        found[families.REFERENCES[families.find_family(kind) or ""][task]] = guides.reference
    if guides.control is not None and (control := spec["control"]):
        found["control_image" if "control_image" in accepted else "image"] = extend(guides.control)
        found["controlnet_conditioning_scale"] = float(control["scale"])
        mode = _find_mode(pipeline.controlnet, control["kind"], control["mode"])
        if mode is not None:
            found["control_mode"] = mode
    return found


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
