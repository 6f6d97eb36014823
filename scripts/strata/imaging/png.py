"""Layers as PNG files: read whole, written at once or not at all, with their provenance inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from strata.errors import StrataError
from strata.files import replacing

# zlib's fastest level: a 768 x 512 layer is written in 20 ms instead of 120, and is about a tenth larger.
COMPRESSION = 1


def read(path: str | Path, mode: str, size: tuple[int, int]) -> Image.Image:
    """The picture in a file, decoded to its last byte.

    A layer that a person retouched may have come back in another mode: it is converted. One of another size is refused,
    since it would be shifted against the rest.
    """
    try:
        with Image.open(path) as image:
            image.load()
    except FileNotFoundError:
        raise StrataError(f"{path} is missing. Build it again: snakemake --cores 1 {path}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise StrataError(f"{path} cannot be read as a picture ({error}). Delete it, then build again.") from None
    if image.size != tuple(size):
        raise StrataError(
            f"{path} is {image.width} x {image.height} pixels, but its scene is {size[0]} x {size[1]}. "
            "Scale it to that size, or delete it and build again."
        )
    return image if image.mode == mode else image.convert(mode)


def open_rgb(path: str | Path) -> Image.Image:
    """The picture in a file of any size, "RGB"."""
    with Image.open(path) as image:
        return image.convert("RGB")


def write(path: str | Path, image: Image.Image, provenance: Mapping[str, str] | None = None) -> None:
    """Writes a PNG with text chunks. There is no date in it: the same picture gives the same bytes."""
    chunks = PngInfo()
    for key, text in (provenance or {}).items():
        chunks.add_itxt(key, text)
    with replacing(path) as file:
        image.save(file, "PNG", pnginfo=chunks, compress_level=COMPRESSION)


def describe_provenance(spec: Mapping[str, Any], made_by: Mapping[str, str]) -> dict[str, str]:
    """The text chunks of a pass: `strata` holds all of it as JSON, `parameters` is what image tools show
    of a picture that has a prompt.

    `spec` is the pass with every value resolved; `made_by` names programs and devices with their versions.
    """
    chunks = {"strata": json.dumps({"pass": spec, "made_by": made_by}, sort_keys=True)}
    return chunks | ({"parameters": _parameters(spec)} if "prompt" in spec else {})


def _parameters(spec: Mapping[str, Any]) -> str:
    fields = {
        "Steps": spec["steps"],
        "CFG scale": spec["guidance_scale"],
        "Seed": spec["seed"],
        "Size": "x".join(str(spec[side] * spec.get("factor", 1)) for side in ("width", "height")),
        "Model": spec["model"]["id"],
        "Denoising strength": spec.get("strength"),
        "Clip skip": spec.get("clip_skip"),
        "Sampler": spec.get("scheduler"),
        "Loras": " ".join(f"{Path(lora['file']).stem}:{lora['weight']:g}" for lora in spec.get("loras", ())) or None,
    }
    listed = ", ".join(f"{name}: {value}" for name, value in fields.items() if value is not None)
    return f"{spec['prompt']}\nNegative prompt: {spec['negative_prompt']}\n{listed}"
