"""One pass on a device of this machine: claim it, load, paint, write the layer."""

import time
from typing import NamedTuple

import diffusers
import torch

import strata
from strata import layers
from strata.devices import exclusive
from strata.diffusion import hardware, passes, pipelines
from strata.errors import StrataError
from strata.painting import Request
from strata.progress import Log
from strata.windows import Window


class Done(NamedTuple):
    """The device that painted, and when it was taken, in seconds since the epoch."""

    device: str
    started: float


def perform(request: Request, window: Window | None, log: Log) -> Done:
    """Paints a pass and writes its layer.

    Args:
        window: what an inpainting pass sees; None for text to image.
    """
    spec, runtime = request.spec, request.runtime
    if not hardware.available(runtime["device"]):
        raise StrataError(
            f"The config's runtime asks for the device {runtime['device']!r}, which this machine (or its build of torch) "
            "does not have. Set it to auto."
        )
    devices = hardware.devices(runtime["device"])
    hardware.use_threads(runtime["threads"])
    with exclusive(tuple(devices)) as name:
        started = time.time()
        device = devices[name]
        try:
            pipeline, placement = pipelines.load(
                spec["task"], spec["model"], device, runtime["placement"], request.attempt
            )
            log.say(
                f"{spec['model']['id']} on {device}, {str(pipeline.dtype).removeprefix('torch.')}, placed {placement}"
            )
            image = _paint(pipeline, spec, window, log)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise StrataError(_out_of_memory(request, device, error)) from None
        made_by = {"strata": strata.__version__, "diffusers": diffusers.__version__, "torch": torch.__version__}
        described = {key: value for key, value in spec.items() if key != "plate"}
        layers.write(request.layer, image, layers.provenance(described, made_by))
        return Done(name, started)


def _paint(pipeline, spec, window: Window | None, log: Log):
    if window is None:
        return passes.text_to_image(pipeline, spec, log.step)
    return window.layer(passes.inpaint(pipeline, spec, window.plate, window.hard, log.step))


def _out_of_memory(request: Request, device: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:200]
    return (
        f"{device} ran out of memory at attempt {request.attempt} ({reason}). A further attempt, if the profile's "
        "`retries` allows one, takes less: part by part, then layer by layer. What helps beside: a lower canvas.scale, "
        "or `context` margins for the subjects."
    )
