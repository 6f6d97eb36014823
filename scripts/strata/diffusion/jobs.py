"""One pass on a device of this machine: claim it, load, paint, write the layer."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import diffusers
import torch
from PIL import Image

import strata
from strata import effects, fingerprints, layers, upscaling
from strata.devices import exclusive
from strata.diffusion import adapters, hardware, networks, passes, pipelines, upscalers
from strata.diffusion.shelf import Shelf
from strata.diffusion.weights import Weights
from strata.errors import OutOfMemoryError, StrataError
from strata.progress import Log
from strata.requests import Done, Request
from strata.windows import Whole, Window


def perform(request: Request, window: Window | Whole | None, log: Log, shelf: Shelf) -> Done:
    """Paints a pass and writes its layer.

    Args:
        request: located, that is with absolute paths.
        window: what a pass sees, see windows.py; None for text to image.
        shelf: the pipelines that this process holds.

    Raises:
        StrataError: a sentence about what is wrong with the device, the model, or what it painted.
    """
    with _claimed(request, log) as (name, device):
        started = time.time()
        image, how = _with_room(request, device, shelf, lambda: _make(request, window, log, shelf, device))
        ended = time.time()
    made_by = {"strata": strata.__version__, "diffusers": diffusers.__version__, "torch": torch.__version__} | how
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
        if shelf.forget(device) <= _own(request) or last:
            raise OutOfMemoryError(_out_of_memory(request, device, reason))


def _own(request: Request) -> int:
    """The pipelines on the shelf that a pass itself needs."""
    return 0 if request.spec.get("method") == "network" else 1


def _make(request: Request, window, log: Log, shelf: Shelf, device: str) -> tuple[Image.Image, dict[str, str]]:
    """The layer, and what its provenance says about memory that was short: that alone can change pixels a little."""
    if request.spec["task"] == "upscale":
        return _upscale(request, window.picture, log, shelf, device)
    image, placement = _paint(request, window, log, shelf, device)
    return image, _tiles(placement)


def _paint(request: Request, window: Window | None, log: Log, shelf: Shelf, device: str) -> tuple[Image.Image, str]:
    """The layer, and the placement with which it was painted."""
    spec = request.spec
    pipeline, placement = _pipeline(request, device, shelf)
    _tell(request, log, f"on {device}, {_name(pipeline.dtype)}, placed {placement}")

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


def _upscale(
    request: Request, picture: Image.Image, log: Log, shelf: Shelf, device: str
) -> tuple[Image.Image, dict[str, str]]:
    """A picture made larger, by a network or by a diffusion model."""
    spec, how = request.spec, {}
    if spec["method"] == "network":
        tile = upscaling.halved(spec["tile"], request.attempt - 1)
        enlarge = networks.load(_network(request), device)
        _tell(request, log, f"on {device}, in tiles of {tile} pixels")
    else:
        pipeline, placement = _pipeline(request, device, shelf)
        how = _tiles(placement)
        tile = upscaling.halved(spec["tile"], request.attempt - 1 if how else 0)
        _tell(request, log, f"on {device}, {_name(pipeline.dtype)}, placed {placement}, in tiles of {tile} pixels")
    overlap = min(spec["overlap"], tile // 2)

    def once(image: Image.Image) -> Image.Image:
        tiles = upscaling.count(image.size, tile, overlap)
        if spec["method"] == "network":
            return upscaling.tiled(image, tile, overlap, _counted(enlarge, tiles, log))
        return upscaling.tiled(image, tile, overlap, upscalers.load(pipeline, spec, image.size, tiles, log.step))

    if tile != spec["tile"]:
        how = how | {"tile": str(tile)}
    return upscaling.enlarged(picture, spec["factor"], once), how


def _counted(enlarge: upscaling.Enlarge, tiles: int, log: Log) -> upscaling.Enlarge:
    """Tells the log of each tile that is done."""
    done = itertools.count(1)

    def told(tile: Image.Image, place: tuple[int, int]) -> Image.Image:
        larger = enlarge(tile, place)
        log.step(next(done), tiles)
        return larger

    return told


def _network(request: Request) -> Path:
    """The file of a network, if it is still the one that the pass was planned with."""
    path = Path(request.model)
    if fingerprints.file(path, _memory(request)) != request.spec["model"]["fingerprint"]:
        raise StrataError(f"The network {path} changed after the build began. Build again.")
    return path


def _tell(request: Request, log: Log, where: str) -> None:
    again = f" (attempt {request.attempt}: the one before ran out of memory)" if request.attempt > 1 else ""
    log.say(f"{request.spec['model']['id']} {where}{again}")


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _tiles(placement: str) -> dict[str, str]:
    return {"autoencoder": "in tiles"} if placement == hardware.LADDER[-1] else {}


def _memory(request: Request) -> Path:
    return Path(request.folder, ".strata/models.json")


def _pipeline(request: Request, device: str, shelf: Shelf):
    weights = Weights(
        request.spec["model"],
        Path(request.model) if request.model else None,
        _memory(request),
    )
    return shelf.pipeline(request.spec["task"], weights, device, request.runtime["placement"], request.attempt)


def _out_of_memory(request: Request, device: str, reason: str) -> str:
    less = "part by part, then layer by layer, then the picture in tiles"
    beside = "a lower canvas.scale, or `context` margins for the subjects"
    if request.spec.get("task") == "upscale":
        less, beside = f"smaller tiles, and of a diffusion model {less}", "a lower upscale.tile"
    return (
        f"{device} ran out of memory at attempt {request.attempt} ({reason}). A further attempt, if the profile's `retries` "
        f"allows one, takes less: {less}. What helps beside: {beside}."
    )
