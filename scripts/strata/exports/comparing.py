"""What differs between two scenes: keys, layers and pictures, in figures and as a picture."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from PIL import Image

from strata.errors import StrataError
from strata.imaging.arrays import Array
from strata.imaging.pictures import UNREADABLE, decode
from strata.imaging.provenance import LayerProvenance

MISSING = "(none)"
"""What stands for the value of a key that a scene does not have."""


@dataclass(frozen=True)
class Side:
    """One of two that are compared.

    Attributes:
        name: what a person called it.
        scene: its effective scene; None for a picture that says nothing about one.
        picture: the file of its picture; None if it is not built.
        layers: the files of its layers by name, those that are there.
        made: how its layers were made, where no files of them are at hand.
    """

    name: str
    scene: Mapping[str, Any] | None
    picture: Path | None
    layers: Mapping[str, Path]
    made: Mapping[str, LayerProvenance]

    @property
    def stack(self) -> set[str]:
        """The layers that its scene puts together, built or not."""
        return set() if self.scene is None else {str(entry["layer"]) for entry in self.scene["composite"]["layers"]}


class Key(TypedDict):
    """A key that differs, with its value on both sides."""

    key: str
    a: Any
    b: Any


class Pixels(TypedDict):
    """How far two pictures are from each other, in levels of 255 over all channels, and the part of the pixels that differ."""

    largest: int
    mean: float
    part: float


class LayerDifference(TypedDict):
    """A layer that differs. `pixels` is None where it was not compared pixel by pixel; `how` says it in words."""

    layer: str
    how: str
    pixels: Pixels | None


class Difference(TypedDict):
    """All that differs. `picture` is None if not both sides have one."""

    a: str
    b: str
    keys: list[Key]
    layers: list[LayerDifference]
    picture: Pixels | None
    remarks: list[str]


def compare(a: Side, b: Side) -> Difference:
    """What differs between two sides.

    Raises:
        StrataError: a file cannot be read as a picture.
    """
    remarks = [f"{side.name} says nothing about its scene." for side in (a, b) if side.scene is None]
    remarks += [f"The picture of {side.name} is not built." for side in (a, b) if side.picture is None]
    keys = list(find_keys(a.scene, b.scene)) if a.scene is not None and b.scene is not None else []
    pixels = None
    if a.picture is not None and b.picture is not None:
        first, second = (open_picture(path, "RGB") for path in (a.picture, b.picture))
        if first.size == second.size:
            pixels = measure(first, second)
        else:
            remarks.append(
                f"The pictures are {first.width} x {first.height} and {second.width} x {second.height} pixels."
            )
    layers = list(find_layers(a, b))
    return {"a": a.name, "b": b.name, "keys": keys, "layers": layers, "picture": pixels, "remarks": remarks}


def find_keys(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Key]:
    """The keys of two effective scenes that differ. An entry of the composite goes by its layer."""
    first, second = dict(_flatten(a, "")), dict(_flatten(b, ""))
    for key in dict.fromkeys([*first, *second]):
        if first.get(key, MISSING) != second.get(key, MISSING):
            yield {"key": key, "a": first.get(key, MISSING), "b": second.get(key, MISSING)}
    common = a["subjects"].keys() & b["subjects"].keys()
    orders = [[name for name in side["subjects"] if name in common] for side in (a, b)]
    if orders[0] != orders[1]:
        yield {"key": "the order of subjects", "a": orders[0], "b": orders[1]}


def _flatten(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{path}.{key}" if path else str(key))
    elif path == "composite.layers" and isinstance(value, list):
        names = [str(entry["layer"]) for entry in value]
        yield "the order of composite.layers", names
        for index, entry in enumerate(value):
            number = names[:index].count(names[index])
            inner = {key: of_key for key, of_key in entry.items() if key != "layer"}
            yield from _flatten(inner, f"{path}.{names[index]}{f'[{number}]' if number else ''}")
    else:
        yield path, value


def find_layers(a: Side, b: Side) -> Iterator[LayerDifference]:
    """The layers that differ, by their pixels where both files are at hand, else by how they were made.

    Nothing is said of one that a side has and has not built.
    """
    for name in dict.fromkeys([*a.layers, *a.made, *b.layers, *b.made]):
        there = [name in side.layers or name in side.made or name in side.stack for side in (a, b)]
        if not all(there):
            yield {"layer": name, "how": f"only in {a.name if there[0] else b.name}", "pixels": None}
        elif name in a.layers and name in b.layers:
            first, second = (open_picture(side.layers[name], "RGBA") for side in (a, b))
            if first.size != second.size:
                yield {"layer": name, "how": f"{first.size} and {second.size} pixels", "pixels": None}
            elif (pixels := measure(first, second))["largest"]:
                yield {"layer": name, "how": describe_pixels(pixels), "pixels": pixels}
        elif name in a.made and name in b.made and a.made[name] != b.made[name]:
            yield {"layer": name, "how": "made otherwise", "pixels": None}


def measure(a: Image.Image, b: Image.Image) -> Pixels:
    """How far two pictures of one size and mode are from each other. Colour counts as far as it is opaque."""
    difference = _subtract(a, b)
    largest = difference.max(axis=2)
    return {
        "largest": int(largest.max()),
        "mean": round(float(difference.mean()), 4),
        "part": round(float((largest > 0).mean()), 6),
    }


def draw_difference(a: Image.Image, b: Image.Image) -> tuple[Image.Image, float]:
    """The difference of two pictures of one size, "RGB", and the factor that makes its largest level 255 (1 if it is black)."""
    difference = _subtract(a.convert("RGB"), b.convert("RGB"))
    largest = int(difference.max())
    factor = 255 / largest if largest else 1.0
    return Image.fromarray(np.rint(difference * factor).astype(np.uint8)), factor


def describe_pixels(pixels: Pixels) -> str:
    """In words, for a line of text."""
    return f"largest {pixels['largest']}, mean {pixels['mean']:.2f} levels, {pixels['part']:.1%} of the pixels"


def _subtract(a: Image.Image, b: Image.Image) -> Array:
    first, second = (_premultiply(np.asarray(image).astype(np.int64)) for image in (a, b))
    return np.abs(first - second)


def _premultiply(levels: Array) -> Array:
    if levels.shape[2] == 4:
        levels[:, :, :3] = (levels[:, :, :3] * levels[:, :, 3:] + 127) // 255
    return levels


def open_picture(path: Path, mode: str) -> Image.Image:
    """A picture from a file.

    Raises:
        StrataError: it cannot be read as one.
    """
    try:
        return decode(path.read_bytes()).convert(mode)
    except UNREADABLE as error:
        raise StrataError(f"{path} cannot be read as a picture ({error}). Compare PNGs.") from None
