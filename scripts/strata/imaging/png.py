"""Layers as PNG files: read whole, written at once or not at all, with their provenance inside."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from strata.errors import StrataError
from strata.files import ReadFile, read_file, replacing
from strata.imaging.pictures import UNREADABLE, decode
from strata.seals import UNKEYED, seal

# zlib's fastest level: a 768 x 512 layer is written in 20 ms instead of 120, and is about a tenth larger.
COMPRESSION = 1


def read(path: str | Path, mode: str, size: tuple[int, int], read_file: ReadFile = read_file) -> Image.Image:
    """The picture in a layer's file.

    A layer that a person retouched may have come back in another mode: it is converted. One of another size is refused,
    since it would be shifted against the rest.

    Args:
        read_file: gives the file's content.
    """
    image = _decode(path, read_file)
    if image.size != tuple(size):
        raise StrataError(
            f"{path} is {image.width} x {image.height} pixels, but its scene is {size[0]} x {size[1]}. "
            "Scale it to that size, or delete it and build again."
        )
    return image if image.mode == mode else image.convert(mode)


def read_rgb(path: str | Path, read_file: ReadFile = read_file) -> Image.Image:
    """The picture in a layer's file of any size, "RGB"."""
    return _decode(path, read_file).convert("RGB")


def _decode(path: str | Path, read_file: ReadFile) -> Image.Image:
    try:
        return decode(read_file(path))
    except FileNotFoundError:
        raise StrataError(f"{path} is missing. Build it again: snakemake --cores 1 {path}") from None
    except UNREADABLE as error:
        raise StrataError(f"{path} cannot be read as a picture ({error}). Delete it, then build again.") from None


def write(
    path: str | Path, image: Image.Image, provenance: Mapping[str, str] | None = None, key: str = UNKEYED
) -> None:
    """Writes a sealed PNG with text chunks. There is no date in it: the same picture gives the same bytes.

    Args:
        key: of the pass that painted it, for the seal.
    """
    chunks = PngInfo()
    for name, text in (provenance or {}).items():
        chunks.add_itxt(name, text)
    png = io.BytesIO()
    image.save(png, "PNG", pnginfo=chunks, compress_level=COMPRESSION)
    with replacing(path) as file:
        file.write(seal(png.getvalue(), key))


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
