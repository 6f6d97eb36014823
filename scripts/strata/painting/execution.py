"""One pass on a device of this machine: claim it, load the model, paint, write the layer."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import cast

from PIL import Image

import strata
from strata.diffusion import devices
from strata.diffusion.loading import LoadError
from strata.diffusion.pipeline_cache import PipelineCache
from strata.diffusion.pipelines import Loaded
from strata.diffusion.vision_models import VisionModel
from strata.errors import OutOfMemoryError, PassingError, StrataError
from strata.fingerprints import fingerprint_file, fingerprint_folder
from strata.imaging import png, tiles
from strata.imaging.guides import UNGUIDED, Guides
from strata.imaging.windows import Flattened, Shown, Sight, Whole, Window
from strata.models.checkpoint import Checkpoint
from strata.models.kinds import CONFIG, find_index
from strata.painting import (
    check,
    depth_estimate,
    effect,
    image_to_image,
    inpaint,
    refine,
    text_mask,
    text_to_image,
    upscale,
)
from strata.painting.device_lock import hold_one
from strata.painting.progress import Reporter
from strata.painting.request import Done, Request
from strata.painting.store import UNKEYED_PARTS, Store
from strata.passes import Inpaint, PaintedEffect, PassCheck, PassModel, TextMask, Tried, Upscale, find_control
from strata.seals import UNKEYED
from strata.state import MODEL_DIGESTS

MODEL_TASKS = {"refine": "image_to_image", "check": "text_to_mask"}
"""What a model is loaded for, where that has another name than the task of the pass."""


@dataclass(frozen=True)
class Made:
    """A layer as a model made it.

    Attributes:
        said: what its provenance says of how it was made: about memory that was short, which alone can change pixels a little,
            and the score of a check.
        placement: of the pipeline, a step of devices.LADDER; None for a network.
        loading: the seconds until the pipeline was at hand.
        tried: the seeds that were tried, the one that was taken at the end; empty where that of the pass was taken.
    """

    image: Image.Image
    said: dict[str, str]
    placement: str | None = None
    loading: float = 0.0
    tried: Sequence[Tried] = ()


def execute(request: Request, sight: Sight | None, reporter: Reporter, pipelines: PipelineCache) -> Done:
    """Paints a pass and writes its layer.

    Args:
        request: with absolute paths.
        sight: what the pass sees; None for text to image without guides.
        pipelines: those that this process holds.

    Raises:
        StrataError: a sentence about what is wrong with the device, the model, or what it painted.
    """
    _check_files(request)
    with _claimed_device(request, reporter) as (name, device):
        started, loaded_before = time.time(), pipelines.count_loads(device)
        if _was_shared_meanwhile(request, reporter):
            return Done("store", started)
        made = _with_room(request, device, pipelines, lambda: _make(request, sight, reporter, pipelines, device))
        ended, loads = time.time(), pipelines.count_loads(device) - loaded_before
    _check_files(request)  # also those that were replaced while they were read
    library = "transformers" if find_index(request.spec["task"]) == CONFIG else "diffusers"
    made_by = {"strata": strata.__version__, library: version(library), "torch": version("torch")}
    described = {key: value for key, value in request.spec.items() if key not in UNKEYED_PARTS}
    if made.tried:
        described |= {"seed": made.tried[-1]["seed"], "tried": made.tried}
    png.write(request.layer, made.image, png.describe_provenance(described, made_by | made.said), request.key)
    return Done(
        "painted",
        started,
        name,
        ended,
        placement=made.placement,
        loading=round(made.loading, 3),
        pixels=_count_pixels(request, sight),
        loads=loads,
    )


def _count_pixels(request: Request, sight: Sight | None) -> int:
    size = request.spec["width"], request.spec["height"]
    if sight and isinstance(sight.view, Window):
        size = sight.view.plate.size
    return size[0] * size[1]


def _was_shared_meanwhile(request: Request, reporter: Reporter) -> bool:
    """Takes the layer from a shared store if another clone put it there while this pass waited for the device."""
    settings = request.runtime.store
    if settings.shared is None or request.key == UNKEYED:
        return False
    return Store(settings.folder, settings.limit_gb * 1e9, settings.shared, reporter.say).fetch(
        request.key, request.layer
    )


@contextmanager
def _claimed_device(request: Request, reporter: Reporter) -> Iterator[tuple[str, str]]:
    """Holds a device: its name for every process of the machine, and torch's."""
    setting = request.runtime.device
    if not devices.is_available(setting):
        raise StrataError(
            f"config.yaml: runtime.device is {setting!r}, which this machine (or its build of torch) does not "
            "have. Set it to auto."
        )
    found = devices.find_devices(setting)
    devices.use_threads(request.runtime.threads)
    with hold_one(tuple(found), while_waiting=reporter.check) as name:
        reporter.check()
        yield name, found[name]


def _with_room(request: Request, device: str, pipelines: PipelineCache, work: Callable[[], Made]) -> Made:
    """Does the work; if the memory does not suffice, once more without the pipelines of other passes."""
    own = 0 if _is_network(request) else 1
    for last in (False, True):
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if not devices.ran_out_of_memory(error):
                raise
            reason = " ".join(str(error).split())[:200]
        # Out here the traceback, which holds what the pass had allocated, is gone.
        if pipelines.forget(device) <= own or last:
            break
    raise OutOfMemoryError(_explain_shortage(request, device, reason))


def _make(request: Request, sight: Sight | None, reporter: Reporter, pipelines: PipelineCache, device: str) -> Made:
    spec = request.spec
    view, guides = (sight.view, sight.guides) if sight else (None, UNGUIDED)
    if spec["task"] == "upscale":
        assert isinstance(view, Whole)
        return _enlarge(request, spec, view.picture, reporter, pipelines, device)
    task = MODEL_TASKS.get(spec["task"], spec["task"])
    loaded, loading = _load(request, task, spec["model"], request.model, device, pipelines)
    _report_start(request, reporter, f"on {device}, {_dtype_of(loaded)}, placed {loaded.placement}")
    if spec["task"] == "text_to_mask":
        assert isinstance(view, Whole)
        edge, more = _load_edge(request, spec, device, pipelines)
        return Made(text_mask.paint(loaded.pipeline, edge, spec, view.picture), {}, loaded.placement, loading + more)
    if spec["task"] == "depth":
        assert isinstance(view, Whole)
        return Made(depth_estimate.paint(loaded.pipeline, view.picture), {}, loaded.placement, loading)
    if spec["task"] == "check":
        assert isinstance(view, Shown)
        image, score = check.look(loaded.pipeline, spec["text"], view)
        return Made(image, {"score": str(score)}, loaded.placement, loading)
    if spec["task"] == "inpaint" and spec["check"]:
        assert isinstance(view, Window)
        return _try_seeds(request, spec, spec["check"], view, guides, reporter, pipelines, device, loaded, loading)
    if spec["task"] == "inpaint":
        assert isinstance(view, Window)
        image = inpaint.paint(loaded, request, spec, view, guides, reporter)
    elif spec["task"] == "refine":
        assert isinstance(view, Flattened)
        image = refine.paint(loaded, request, spec, view, guides, reporter)
    elif spec["task"] == "image_to_image":
        assert isinstance(view, Whole)
        image = image_to_image.paint(loaded, request, spec, view.picture, guides, reporter)
    elif "alpha" in spec:
        image = effect.paint(loaded, request, cast(PaintedEffect, spec), guides, reporter)
    else:
        image = text_to_image.paint(loaded, request, spec, guides, reporter)
    return Made(image, _shortage(loaded), loaded.placement, loading)


def _enlarge(
    request: Request, spec: Upscale, picture: Image.Image, reporter: Reporter, pipelines: PipelineCache, device: str
) -> Made:
    if spec["method"] == "network":
        assert request.model is not None
        tile = tiles.halve(spec["tile"], request.attempt - 1)
        _report_start(request, reporter, f"on {device}, in tiles of {tile} pixels")
        larger = upscale.by_network(Path(request.model), device, spec, picture, tile, reporter)
        return Made(larger, _smaller_tile(spec, tile))
    loaded, loading = _load(request, spec["task"], spec["model"], request.model, device, pipelines)
    shortage = _shortage(loaded)
    tile = tiles.halve(spec["tile"], request.attempt - 1 if shortage else 0)
    _report_start(
        request, reporter, f"on {device}, {_dtype_of(loaded)}, placed {loaded.placement}, in tiles of {tile} pixels"
    )
    larger = upscale.by_diffusion(loaded, spec, picture, tile, reporter)
    return Made(larger, shortage | _smaller_tile(spec, tile), loaded.placement, loading)


def _try_seeds(
    request: Request,
    spec: Inpaint,
    wanted: PassCheck,
    window: Window,
    guides: Guides,
    reporter: Reporter,
    pipelines: PipelineCache,
    device: str,
    loaded: Loaded,
    loading: float,
) -> Made:
    """A subject, with the first of several seeds with which its mask shows what it is to show."""
    model = wanted["model"]
    looking, more = _load(request, "text_to_mask", model, request.files.get(model["id"]), device, pipelines)
    image, tried = check.try_seeds(
        spec,
        wanted,
        lambda pass_: inpaint.paint(loaded, request, pass_, window, guides, reporter),
        lambda layer: check.look(looking.pipeline, wanted["text"], window.show(layer))[1],
        reporter,
    )
    return Made(image, _shortage(loaded), loaded.placement, loading + more, tried)


def _load_edge(
    request: Request, spec: TextMask, device: str, pipelines: PipelineCache
) -> tuple[VisionModel | None, float]:
    """What cuts out what a text names, if that is asked for, and the seconds until it was at hand."""
    if (model := spec["edge"]) is None:
        return None, 0.0
    loaded, loading = _load(request, "box_to_mask", model, request.files.get(model["id"]), device, pipelines)
    return loaded.pipeline, loading


def _load(
    request: Request, task: str, model: PassModel, folder: str | None, device: str, pipelines: PipelineCache
) -> tuple[Loaded, float]:
    """A pipeline for a task, or a model that looks, and the seconds until it was at hand."""
    began = time.time()
    checkpoint = Checkpoint(model, Path(folder) if folder else None, _digests(request), find_index(task))
    controlnet = _find_controlnet(request) if model is request.spec["model"] else None
    try:
        loaded = pipelines.get(task, checkpoint, device, request.runtime.placement, request.attempt, controlnet)
    except LoadError as error:
        kind = PassingError if error.may_pass else StrataError
        at_fault = controlnet if controlnet and error.of_controlnet else checkpoint
        raise kind(at_fault.explain(str(error))) from None
    return loaded, time.time() - began


def _find_controlnet(request: Request) -> Checkpoint | None:
    if (control := find_control(request.spec)) is None:
        return None
    folder = request.files.get(control["model"]["id"])
    return Checkpoint(control["model"], Path(folder) if folder else None, _digests(request), CONFIG)


def _check_files(request: Request) -> None:
    """Refuses files that changed since the build began: all layers are to be made from the same ones."""
    spec, planned = request.spec, dict[str, str | None]()
    if spec["task"] == "upscale":
        if _is_network(request) and request.model:
            planned[request.model] = spec["model"]["fingerprint"]
    elif spec["task"] != "text_to_mask" and spec["task"] != "depth" and spec["task"] != "check":
        planned |= {request.files[lora["file"]]: lora["fingerprint"] for lora in spec["loras"]}
        if style := spec["style"]:
            paths = (request.files[name] for name in (style["file"], style["image_encoder"]))
            planned |= dict(zip(paths, style["fingerprints"], strict=True))
    for name, digest in planned.items():
        path = Path(name)
        fingerprint = fingerprint_folder if path.is_dir() else fingerprint_file
        if not path.exists() or fingerprint(path, _digests(request)) != digest:
            raise StrataError(f"{path} changed after the build began. Build again: then all layers are made from one.")


def _is_network(request: Request) -> bool:
    return request.spec["task"] == "upscale" and request.spec["method"] == "network"


def _digests(request: Request) -> Path | None:
    return Path(request.folder or ".", MODEL_DIGESTS) if request.runtime.trust_times else None


def _report_start(request: Request, reporter: Reporter, where: str) -> None:
    line = f"{request.spec['model']['id']} {where}"
    if request.attempt > 1:
        reporter.say(f"{line} (attempt {request.attempt}: the one before ran out of memory)")
    else:
        reporter.detail(line)


def _dtype_of(loaded: Loaded) -> str:
    return str(loaded.pipeline.dtype).removeprefix("torch.")


def _shortage(loaded: Loaded) -> dict[str, str]:
    return {"autoencoder": "in tiles"} if loaded.placement == devices.LADDER[-1] else {}


def _smaller_tile(spec: Upscale, tile: int) -> dict[str, str]:
    return {"tile": str(tile)} if tile != spec["tile"] else {}


def _explain_shortage(request: Request, device: str, reason: str) -> str:
    if find_index(request.spec["task"]) == CONFIG:
        return (
            f"{device} ran out of memory at attempt {request.attempt} ({reason}). A model that looks at pictures lies on the device as a "
            "whole: end other programs there, or set `runtime: {device: cpu}`."
        )
    less = "part by part, then layer by layer, then the picture in tiles"
    remedy = "A lower canvas.scale, or `context` margins for the subjects, help too."
    if request.spec["task"] == "upscale":
        less, remedy = f"smaller tiles, and of a diffusion model {less}", "A lower upscale.tile helps, too."
    return (
        f"{device} ran out of memory at attempt {request.attempt} ({reason}). Attempts with less of it on the device follow: "
        f"{less}. {remedy}"
    )
