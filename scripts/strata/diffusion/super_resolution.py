"""Super-resolution networks from a file, by spandrel, which knows their architectures from their weights."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from strata.diffusion import patches
from strata.errors import StrataError
from strata.imaging.arrays import to_image
from strata.imaging.tiles import Enlarge


def load(path: Path, device: str) -> Enlarge:
    """Returns what enlarges a tile by the network in a safetensors file.

    Args:
        device: torch's name of it.

    Raises:
        StrataError: spandrel is not installed, or the file holds no network that enlarges pictures in colour.
    """
    network = _describe(path)
    # Only where it was tried by the network's own people, and never on a processor, which is slow in it.
    dtype = torch.float16 if device.startswith("cuda") and network.supports_half else torch.float32
    network.to(device=torch.device(device), dtype=dtype).eval()

    def enlarge(tile: Image.Image, corner: tuple[int, int]) -> Image.Image:
        pixels = torch.from_numpy(np.array(tile)).permute(2, 0, 1)[None].to(device=device, dtype=dtype) / 255
        with torch.no_grad():
            result = network(pixels)[0].permute(1, 2, 0).float().cpu().numpy()
        if not np.isfinite(result).all():
            raise StrataError(f"The network {path.name} returned numbers that are not finite. Take another one.")
        return to_image(result)

    return enlarge


def _describe(path: Path) -> Any:
    """spandrel's descriptor of the network in a file."""
    if find_spec("spandrel") is None:
        raise StrataError(
            "A network needs the package spandrel: pip install --no-deps -r requirements-upscale.txt. Or make the picture larger "
            "by `lanczos`, which needs nothing."
        )
    spandrel = patches.import_spandrel()
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
