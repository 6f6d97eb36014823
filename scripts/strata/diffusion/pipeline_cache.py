"""Loaded pipelines, kept for the next pass. One whose files changed is loaded anew; the longest unused go first."""

import gc
import json
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch

from strata.diffusion import devices, pipelines, vision_models
from strata.diffusion.pipelines import Loaded
from strata.models.checkpoint import Checkpoint

Key = tuple[str, str, str, str, str, int, str]
"""Device, task, folder, model as JSON, placement, attempt, the ControlNet's folder and model as JSON."""


MOST_HELD = 8
"""Pipelines on one device. Memory is the other bound, but a small model takes too little of it to ever be let go."""


@dataclass(frozen=True)
class Files:
    """What a pipeline is loaded from: a model, and the ControlNet that it has beside its own parts."""

    checkpoint: Checkpoint
    controlnet: Checkpoint | None

    def state(self) -> tuple[Any, ...]:
        """Differs when a file was replaced, edited, added or removed."""
        return self.checkpoint.state() + (self.controlnet.state() if self.controlnet else ())

    def size(self) -> int:
        """The bytes on disk, see Checkpoint.size()."""
        return self.checkpoint.size() + (self.controlnet.size() if self.controlnet else 0)

    def check(self) -> None:
        """Raises a StrataError if files are not there, or no longer those which the pass was planned with."""
        self.checkpoint.check()
        if self.controlnet:
            self.controlnet.check()


@dataclass(frozen=True)
class Held:
    """A loaded pipeline, and the files that it was loaded from.

    Attributes:
        state: that of the model's files when it was loaded.
        parts: the identity of its components' files, by the component's name.
    """

    loaded: Loaded
    state: tuple[Any, ...]
    parts: dict[str, tuple[Any, ...]]


class PipelineCache:
    """The pipelines of one process. Only who holds a device may touch those that are on it."""

    def __init__(self) -> None:
        self._held: dict[Key, Held] = {}  # the longest unused first
        # Threads that hold different devices change it side by side.
        self._changing = threading.RLock()
        self._loads: Counter[str] = Counter()

    def get(
        self,
        task: str,
        checkpoint: Checkpoint,
        device: str,
        placement: str,
        attempt: int,
        controlnet: Checkpoint | None = None,
    ) -> Loaded:
        """A pipeline that is ready to paint, loaded now unless it is held.

        Args:
            task: text_to_image, image_to_image, inpaint or upscale, or for a model that looks a key of vision_models.TASKS: that
                model then stands in the place of the pipeline.
            device: torch's name of it.
            placement, attempt: see devices.choose_placement().
            controlnet: what the pipeline has beside its own parts; None for nothing.

        Raises:
            LoadError: the pipeline cannot be loaded.
            StrataError: the model is not there, or no longer the one that the pass was planned with.
        """
        model = json.dumps(checkpoint.model, sort_keys=True)
        beside = json.dumps([str(controlnet.folder), controlnet.model], sort_keys=True) if controlnet else ""
        key = (device, task, str(checkpoint.folder), model, placement, attempt, beside)
        files = Files(checkpoint, controlnet)
        with self._changing:
            held = self._held.pop(key, None)
        if held is None or held.state != files.state() or self._is_crowded(held, device, files.size()):
            held = None  # gives its memory back before the next is loaded
            held = self._load(task, files, device, placement, attempt)
        with self._changing:
            self._held[key] = held
            self._bound(device)
        return held.loaded

    def count_loads(self, device: str) -> int:
        """How many models were loaded so far on a device. A pipeline whose parts are all there already counts for none."""
        return self._loads[device]

    def forget(self, device: str) -> int:
        """Lets go of all that is on a device, and returns how many pipelines that were."""
        with self._changing:
            keys = [key for key in self._held if key[0] == device]
            for key in keys:
                del self._held[key]
        _collect_garbage()
        return len(keys)

    def names(self) -> list[str]:
        """What is held, in words."""
        with self._changing:
            return [f"{json.loads(model)['id']} ({task}, {device})" for device, task, _, model, *_ in self._held]

    def _bound(self, device: str) -> None:
        """Lets go of the longest unused beyond a number: several workflows may ask one process."""
        keys = [key for key in self._held if key[0] == device]
        for key in keys[:-MOST_HELD]:
            del self._held[key]

    def _load(self, task: str, files: Files, device: str, placement: str, attempt: int) -> Held:
        checkpoint, controlnet = files.checkpoint, files.controlnet
        self._make_room(device, files.size())
        state, parts = files.state(), checkpoint.parts()
        files.check()
        shared = self._find_shared(device, parts)
        if not parts or controlnet or parts.keys() - shared.keys():
            self._loads[device] += 1
        if task in vision_models.TASKS:
            looking = vision_models.load(task, checkpoint.model, checkpoint.folder, device)
            loaded = Loaded(looking, device, devices.LADDER[0])
        else:
            beside = (controlnet.model, controlnet.folder) if controlnet else None
            model, folder = checkpoint.model, checkpoint.folder
            loaded = pipelines.load(task, model, folder, device, placement, attempt, shared, beside)
        if not state:
            # It came from the hub just now.
            state, parts = files.state(), checkpoint.parts()
        return Held(loaded, state, parts)

    def _is_crowded(self, held: Held, device: str, size: int) -> bool:
        """Whether a kept pipeline has no room any more to work in, since another program took the device's memory.

        Loaded anew, it is laid out for what is free now.
        """
        if held.loaded.placement != "whole" or not devices.has_own_memory(device):
            return False
        needed = devices.estimate_need(size) - size
        self._make_room(device, needed)
        return devices.free_memory(device) < needed

    def _find_shared(self, device: str, parts: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
        """Components that are loaded already, by the name that the new pipeline has for them."""
        with self._changing:
            pipelines_held = list(self._held.items())
        loaded = {
            identity: getattr(held.loaded.pipeline, name)
            for key, held in pipelines_held
            # A part with offload hooks belongs to one pipeline alone.
            if key[0] == device and held.loaded.placement == "whole"
            for name, identity in held.parts.items()
        }
        return {name: loaded[identity] for name, identity in parts.items() if loaded.get(identity) is not None}

    def _make_room(self, device: str, size: int) -> None:
        """Lets go of the longest unused until about `size` bytes are free, or nothing is left on the device."""
        while size > devices.available_memory(device):
            with self._changing:
                key = next((key for key in self._held if key[0] == device), None)
                if key is None:
                    return
                del self._held[key]
            _collect_garbage()


def _collect_garbage() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
