"""Loaded pipelines, kept for the next pass. One whose files changed is loaded anew; the longest unused go first."""

import gc
import json
from dataclasses import dataclass

import torch

from strata.diffusion import hardware, pipelines
from strata.diffusion.weights import Weights


@dataclass(frozen=True)
class Held:
    """A loaded pipeline.

    Attributes:
        placement: a step of hardware.LADDER.
        state: that of the model's files when it was loaded.
        parts: the identity of its components' files, by the component's name.
    """

    pipeline: object
    placement: str
    state: tuple
    parts: dict[str, tuple]


class Shelf:
    """The pipelines of one process. Only who holds a device may touch those that are on it."""

    def __init__(self):
        self._held: dict[tuple, Held] = {}  # the longest unused first

    def pipeline(self, task: str, weights: Weights, device: str, placement: str, attempt: int):
        """Returns a pipeline that is ready to paint, and its placement.

        Args:
            task: text_to_image or inpaint.
            device: torch's name of it.
            placement, attempt: see hardware.placement().

        Raises:
            StrataError: the model cannot be loaded, or is no longer the one that the pass was planned with.
        """
        key = (device, task, str(weights.folder), json.dumps(weights.model, sort_keys=True), placement, attempt)
        held = self._held.pop(key, None)
        if held is None or held.state != weights.state():
            held = None  # gives its memory back before the next is loaded
            held = self._load(task, weights, device, placement, attempt)
        self._held[key] = held
        return held.pipeline, held.placement

    def forget(self, device: str) -> int:
        """Lets go of all that is on a device, and returns how many pipelines that were."""
        keys = [key for key in self._held if key[0] == device]
        for key in keys:
            del self._held[key]
        _collect()
        return len(keys)

    def names(self) -> list[str]:
        """What is held, in words."""
        return [f"{json.loads(model)['id']} ({task}, {device})" for device, task, _, model, *_ in self._held]

    def _load(self, task: str, weights: Weights, device: str, placement: str, attempt: int) -> Held:
        self._make_room(device, weights.size())
        state, parts = weights.state(), weights.parts()
        weights.check()
        shared = self._shared(device, parts)
        pipeline, chosen = pipelines.load(task, weights.model, weights.folder, device, placement, attempt, shared)
        if not state:
            # It came from the hub just now.
            state, parts = weights.state(), weights.parts()
        return Held(pipeline, chosen, state, parts)

    def _shared(self, device: str, parts: dict[str, tuple]) -> dict[str, object]:
        """Components that are loaded already, by the name that the new pipeline has for them."""
        loaded = {
            identity: getattr(held.pipeline, name)
            for key, held in self._held.items()
            # A part with offload hooks belongs to one pipeline alone.
            if key[0] == device and held.placement == "whole"
            for name, identity in held.parts.items()
        }
        return {name: loaded[identity] for name, identity in parts.items() if loaded.get(identity) is not None}

    def _make_room(self, device: str, size: int) -> None:
        """Lets go of the longest unused until about `size` bytes are free, or nothing is left on the device."""
        while size > hardware.available_memory(device):
            key = next((key for key in self._held if key[0] == device), None)
            if key is None:
                return
            del self._held[key]
            _collect()


def _collect() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
