"""Super-resolution networks from a file, by spandrel, which knows their architectures from their weights."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image

from strata.errors import StrataError
from strata.upscaling import Enlarge

# spandrel imports it for two architectures, neither of which enlarges a picture.
UNNEEDED = "torchvision"
UNNEEDED_PARTS = (UNNEEDED, f"{UNNEEDED}.transforms", f"{UNNEEDED}.transforms.functional")


def load(path: Path, device: str) -> Enlarge:
    """Returns what enlarges a tile by the network in a safetensors file.

    Args:
        device: torch's name of it.

    Raises:
        StrataError: spandrel is not installed, or the file holds no network that enlarges pictures in colour.
    """
    network = _described(path)
    # Only where it was tried by the network's own people, and never on a processor, which is slow in it.
    dtype = torch.float16 if device.startswith("cuda") and network.supports_half else torch.float32
    network.to(device=torch.device(device), dtype=dtype).eval()

    def enlarge(tile: Image.Image, place: tuple[int, int]) -> Image.Image:
        pixels = torch.from_numpy(np.array(tile)).permute(2, 0, 1)[None].to(device=device, dtype=dtype) / 255
        with torch.inference_mode():
            result = network(pixels)[0].permute(1, 2, 0).float().cpu().numpy()
        if not np.isfinite(result).all():
            raise StrataError(f"The network {path.name} returned numbers that are not finite. Take another one.")
        return Image.fromarray(np.rint(np.clip(result, 0, 1) * 255).astype(np.uint8))

    return enlarge


def _described(path: Path):
    """spandrel's descriptor of the network in a file."""
    spandrel = _spandrel()
    try:
        network = spandrel.ModelLoader("cpu").load_from_file(path)
    except (spandrel.UnsupportedModelError, OSError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise StrataError(
            f"The network {path.name} could not be loaded: {reason}. Take one of an architecture that spandrel knows, such as "
            "ESRGAN, SwinIR, DAT or SPAN."
        ) from None
    channels = getattr(network, "input_channels", None), getattr(network, "output_channels", None)
    if channels != (3, 3) or network.scale < 2:
        raise StrataError(
            f"The network {path.name} is no upscaler of pictures in colour: it takes and gives {channels} channels, and "
            f"enlarges {network.scale} times. Take another one."
        )
    return network


def _spandrel() -> ModuleType:
    if find_spec("spandrel") is None:
        raise StrataError(
            "upscale.method is network, which needs the package spandrel: pip install --no-deps -r requirements-upscale.txt. "
            "Or set it to lanczos, which needs nothing."
        )
    with _unneeded():
        return importlib.import_module("spandrel")


@contextmanager
def _unneeded() -> Iterator[None]:
    """Puts something in the place of torchvision while spandrel is imported, where torchvision is not installed.

    Its wheels fit one build of torch each, and one that does not fit breaks transformers, too.
    """
    absent = UNNEEDED not in sys.modules and find_spec(UNNEEDED) is None
    if absent:
        sys.modules.update({name: Absent(name) for name in UNNEEDED_PARTS})
    try:
        yield
    finally:
        if absent:
            for name in UNNEEDED_PARTS:
                del sys.modules[name]


class Absent(ModuleType):
    """Stands in for a package that is not there. Whatever is taken from it may be named, and not used."""

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")

    def __call__(self, *arguments, **named):
        raise StrataError(f"This network needs {self.__name__}, which is not installed. Take another one.")
