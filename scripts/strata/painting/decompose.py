"""A picture taken apart on a device of this machine: claim it, load the model, run it; with less memory where it runs out."""

from PIL import Image

from strata.diffusion import devices, layered, pipelines
from strata.diffusion.layered import Decomposition
from strata.diffusion.loading import LoadError
from strata.errors import StrataError
from strata.models import kinds, reference
from strata.models.checkpoint import Checkpoint
from strata.painting.device_lock import hold_one
from strata.painting.paint import ATTEMPTS
from strata.painting.progress import Reporter
from strata.passes import PassModel
from strata.runtime import Runtime


def decompose(
    picture: Image.Image, model: PassModel, how: Decomposition, runtime: Runtime, reporter: Reporter
) -> list[Image.Image]:
    """The layers of a picture, bottom to top: "RGBA" of one size, with about the picture's proportions.

    Raises:
        StrataError: what is wrong with the device or the model, or that no placement has room for it.
    """
    folder = reference.locate(model, kinds.INDEX)
    checkpoint = Checkpoint(model, folder)
    checkpoint.check()
    found = devices.find_devices(runtime.device) if devices.is_available(runtime.device) else {}
    if not found:
        raise StrataError(
            f"config.yaml: runtime.device is {runtime.device!r}, which this machine does not have. Set it to auto."
        )
    devices.use_threads(runtime.threads)
    with hold_one(tuple(found), while_waiting=reporter.check) as name:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return _run(picture, checkpoint, how, found[name], runtime.placement, attempt, reporter)
            except (RuntimeError, MemoryError) as error:
                if not devices.ran_out_of_memory(error):
                    raise
                reporter.say(f"{found[name]} ran out of memory at attempt {attempt}")
    raise StrataError(
        f"{model['id']} does not fit into the memory of {found[name]}, whatever is kept off it. Take --resolution 640, fewer "
        "--layers, or another machine."
    )


def _run(
    picture: Image.Image,
    checkpoint: Checkpoint,
    how: Decomposition,
    device: str,
    placement: str,
    attempt: int,
    reporter: Reporter,
) -> list[Image.Image]:
    try:
        loaded = pipelines.load("decompose", checkpoint.model, checkpoint.folder, device, placement, attempt)
    except LoadError as error:
        raise StrataError(checkpoint.explain(str(error))) from None
    reporter.say(f"{checkpoint.model['id']} on {device}, placed {loaded.placement}")
    return layered.decompose(loaded.pipeline, picture, how, reporter.step)


def drop_invisible(layers: list[Image.Image]) -> list[Image.Image]:
    """The layers that show anything; the lowest in any case."""
    return [layer for index, layer in enumerate(layers) if index == 0 or layer.getchannel("A").getbbox() is not None]
