"""One pass on a device of this machine: claim it, load, paint, write the layer."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import diffusers
import torch
from PIL import Image

import strata
from strata import effects, layers
from strata.devices import exclusive
from strata.diffusion import adapters, hardware, passes, pipelines
from strata.diffusion.shelf import Shelf
from strata.diffusion.weights import Weights
from strata.errors import StrataError
from strata.progress import Log
from strata.requests import Done, Request
from strata.windows import Window


def perform(request: Request, window: Window | None, log: Log, shelf: Shelf) -> Done:
    """Paints a pass and writes its layer.

    Args:
        request: located, that is with absolute paths.
        window: what an inpainting pass sees; None for text to image.
        shelf: the pipelines that this process holds.

    Raises:
        StrataError: a sentence about what is wrong with the device, the model, or what it painted.
    """
    with _claimed(request, log) as (name, device):
        started = time.time()
        image, placement = _with_room(request, device, shelf, lambda: _paint(request, window, log, shelf, device))
        ended = time.time()
    made_by = {"strata": strata.__version__, "diffusers": diffusers.__version__, "torch": torch.__version__}
    if placement == hardware.LADDER[-1]:
        made_by["autoencoder"] = "in tiles"  # which changes pixels a little
    described = {key: value for key, value in request.spec.items() if key != "plate"}
    layers.write(request.layer, image, layers.provenance(described, made_by))
    return Done("painted", started, name, ended)


@contextmanager
def _claimed(request: Request, log: Log) -> Iterator[tuple[str, str]]:
    """Holds a device: its name for every process of the machine, and torch's."""
    setting = request.runtime["device"]
    if not hardware.available(setting):
        raise StrataError(
            f"The config's runtime asks for the device {setting!r}, which this machine (or its build of torch) does not "
            "have. Set it to auto."
        )
    devices = hardware.devices(setting)
    hardware.use_threads(request.runtime["threads"])
    with exclusive(tuple(devices), waiting=log.check) as name:
        log.check()
        yield name, devices[name]


def _with_room(request: Request, device: str, shelf: Shelf, work):
    """Does the work; if the memory does not suffice, once more without the pipelines of other passes."""
    for last in (False, True):
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not hardware.ran_out(error):
                raise
            reason = " ".join(str(error).split())[:200]
        # Out here the traceback, which holds what the pass had allocated, is gone.
        if not shelf.forget(device) or last:
            raise StrataError(_out_of_memory(request.attempt, device, reason))


def _paint(request: Request, window: Window | None, log: Log, shelf: Shelf, device: str) -> tuple[Image.Image, str]:
    """The layer, and the placement with which it was painted."""
    spec = request.spec
    pipeline, placement = _pipeline(request, device, shelf)
    again = f" (attempt {request.attempt}: the one before failed)" if request.attempt > 1 else ""
    log.say(
        f"{spec['model']['id']} on {device}, {str(pipeline.dtype).removeprefix('torch.')}, placed {placement}{again}"
    )

    def place() -> None:
        pipelines.place(pipeline, device, placement)

    with adapters.adapted(pipeline, spec, request.files, _memory(request), place) as beside:
        if window is None:
            painted = passes.text_to_image(pipeline, spec, log.step, log.note, beside)
        else:
            painted = passes.inpaint(pipeline, spec, window.plate, window.hard, log.step, log.note, beside)
    if window is None:
        return effects.transparent(painted, spec.get("alpha", "own")), placement
    return window.layer(painted, matched=spec["color_match"]), placement


def _pipeline(request: Request, device: str, shelf: Shelf):
    weights = Weights(
        request.spec["model"],
        Path(request.model) if request.model else None,
        _memory(request),
    )
    return shelf.pipeline(request.spec["task"], weights, device, request.runtime["placement"], request.attempt)


def _memory(request: Request) -> Path:
    return Path(request.folder, ".strata/models.json")


def _out_of_memory(attempt: int, device: str, reason: str) -> str:
    return (
        f"{device} ran out of memory at attempt {attempt} ({reason}). A further attempt, if the profile's `retries` allows "
        "one, takes less: part by part, then layer by layer, then the picture in tiles. What helps beside: a lower "
        "canvas.scale, or `context` margins for the subjects."
    )
