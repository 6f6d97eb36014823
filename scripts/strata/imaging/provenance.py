"""What a final picture says about itself: the whole scene that built it, and how each of its layers was made.

It stands in the text chunk `strata` as JSON: `scene` is the effective scene, its keys in their order, since that of the subjects
is the order of painting. `layers` holds by name what the layers' own files say: the pass with every value, the model with its
commit or fingerprint, the versions that painted it. There is no date in it.
"""

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import PIL
from PIL import Image

import strata
from strata.files import ReadFile, read_file, replacing
from strata.imaging.pictures import UNREADABLE
from strata.seals import add_text, read_seal

CHUNK = "strata"

CARRIED = "strata-picture"
"""The chunk in which an enlarged picture, which is a pass of its own, carries the text of the one that it was made from."""

LayerProvenance = TypedDict(
    "LayerProvenance", {"pass": dict[str, Any], "made_by": dict[str, str], "retouched": bool}, total=False
)
"""How a layer was made. Without `pass`, no model painted it; `retouched` is there if its seal does not hold."""


class PictureProvenance(TypedDict):
    """How a final picture was made, see above."""

    scene: dict[str, Any]
    layers: dict[str, LayerProvenance]
    made_by: dict[str, str]


def read_texts(content: bytes) -> dict[str, str]:
    """The text chunks of a PNG that stand before its pixels. No pixel is decoded.

    Pillow refuses compressed text that is larger than a megabyte when it is unpacked.

    Raises:
        one of pictures.UNREADABLE.
    """
    with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        return {key: str(value) for key, value in image.info.items() if isinstance(key, str) and isinstance(value, str)}


def describe_layer(path: str | Path, read_file: ReadFile = read_file) -> LayerProvenance:
    """How a layer was made, as its file says.

    A file without a seal that holds was retouched, whatever text it still carries.
    """
    content = read_file(path)
    described: LayerProvenance = {}
    try:
        found = json.loads(read_texts(content).get(CHUNK, "{}"))
        if isinstance(found, dict):
            parts = {key: found[key] for key in ("pass", "made_by") if isinstance(found.get(key), dict)}
            described = cast(LayerProvenance, parts)
    except (*UNREADABLE, RecursionError):
        pass  # a picture in another format, or with text of another program: it says nothing
    return described if read_seal(content) is not None else {"retouched": True, **described}


def describe_picture(
    scene: Mapping[str, Any], names: Iterable[str], files: Iterable[str], read_file: ReadFile = read_file
) -> dict[str, str]:
    """The text chunks of a final picture.

    Args:
        scene: the effective scene.
        names, files: the layers of the stack and their files, in the same order.
    """
    layers = {name: describe_layer(file, read_file) for name, file in zip(names, files, strict=True)}
    made_by = {"strata": strata.__version__, "pillow": PIL.__version__, "numpy": np.__version__}
    provenance: PictureProvenance = {"scene": dict(scene), "layers": dict(sorted(layers.items())), "made_by": made_by}
    return {CHUNK: json.dumps(provenance)}


def carry(picture: str | Path, enlarged: str | Path, read_file: ReadFile = read_file) -> None:
    """Has an enlarged picture carry the scene of the final picture that it was made from. Its own text and its seal stay."""
    try:
        text = read_texts(read_file(picture)).get(CHUNK)
    except UNREADABLE:
        return  # a picture that was retouched in another format
    content = Path(enlarged).read_bytes()
    if text and read_seal(content):
        with replacing(enlarged) as file:
            file.write(add_text(content, CARRIED, text))
