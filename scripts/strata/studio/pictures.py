"""The pictures that the page shows: layers as the library blends them, thumbnails, masks as they would be drawn."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from strata.errors import StrataError
from strata.exports.stack import crop_to_seen
from strata.imaging import compositing, depth, masks, png
from strata.imaging.compositing import Layer
from strata.scene import paths
from strata.scene.layer import Layer as Described
from strata.scene.layers import Layers
from strata.scene.scene import Scene

THUMBNAIL = 160
"""The longest side of a layer's small picture, in pixels."""

COMPRESSION = 1
"""zlib's level: the page is on the same machine."""


@dataclass(frozen=True)
class PlacedPicture:
    """A layer for the page's own compositing.

    Attributes:
        png: "RGB" or "RGBA", straight, without what is transparent at its border.
        position: of its top left corner on what is shown, in shown pixels.
    """

    png: bytes
    position: tuple[int, int]


def find_file(text: str) -> Path:
    """A picture under results/ that a rule could have made.

    Raises:
        StrataError: it is none, leads elsewhere, or is not there.
    """
    prefix = f"{paths.RESULTS}/"
    name = text.removeprefix(prefix)
    sheet = name.startswith(f"{paths.SWEEPS}/") and name.endswith(".png") and name.count("/") == 1
    known = text.startswith(prefix) and (sheet or (paths.FILE.fullmatch(name) is not None and name.endswith(".png")))
    if not known or any(part in ("", ".", "..") for part in name.split("/")) or "\0" in name:
        raise StrataError(f"{text!r} is no picture under {paths.RESULTS}/.")
    path = Path(text)
    if not path.is_file() or not path.resolve().is_relative_to(Path(paths.RESULTS).resolve()):
        raise StrataError(f"{text} is not there. Build it.")
    return path


def find_layer(scene: Scene, layers: Layers, folder: str, name: str) -> Described:
    """A layer of a scene by its name.

    Raises:
        StrataError: the scene has none of that name.
    """
    if name in scene.subjects:
        return layers.subject(folder, name)
    if name in scene.effects:
        return layers.effect(folder, name)
    if name == "background":
        return layers.background(folder)
    raise StrataError(f"{scene.source}: there is no layer {name}.")


def place_layer(
    scene: Scene, layers: Layers, folder: str, name: str, how: Mapping[str, Any], scale: float
) -> PlacedPicture:
    """A layer, blurred, veiled and moved as an entry of the composite says, by the functions that make the final picture.

    Args:
        how: `blur`, `position` and `depth` of the entry, in canvas pixels.
        scale: shown pixels per rendered pixel, at most 1.

    Raises:
        StrataError: the layer is not built, or does not fit the scene.
    """
    file = Path(paths.RESULTS, find_layer(scene, layers, folder, name).file)
    per_canvas = scene.canvas["scale"]
    image = png.read(file, "RGBA", scene.size)
    x, y = (round(length * per_canvas) for length in how["position"])
    veil = None
    if (ramp := how["depth"]) is not None and (described := scene.depth_picture()) is not None:
        _, estimated = layers.find_depth(folder, scene)
        distance = depth.read(described, scene.size, file=Path(paths.RESULTS, estimated) if estimated else None)
        veil = depth.ramp(distance, ramp)
    layer = compositing.quantise(Layer(image, 1.0, how["blur"] * per_canvas, "normal", (x, y), veil))
    return _place(crop_to_seen(layer), scale)


def _place(layer: Layer, scale: float) -> PlacedPicture:
    image, (x, y) = layer.image, layer.position
    if scale < 1:
        size = max(round(image.width * scale), 1), max(round(image.height * scale), 1)
        image, x, y = image.resize(size, Image.Resampling.LANCZOS), round(x * scale), round(y * scale)
    opaque = image.mode == "RGB" or image.getchannel("A").getextrema() == (255, 255)
    return PlacedPicture(encode(image.convert("RGB") if opaque else image), (x, y))


def encode(image: Image.Image) -> bytes:
    """A picture as a PNG."""
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=COMPRESSION)
    return content.getvalue()


def shrink(path: Path, longest: int) -> bytes:
    """A picture as a PNG, no larger than so many pixels at its longest side."""
    with Image.open(path) as image:
        image.thumbnail((longest, longest), Image.Resampling.BOX)
        return encode(image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA"))


def draw_mask(scene: Scene, layers: Layers, folder: str, subject: str) -> bytes:
    """The mask of a subject as it would be drawn now, "L", as a PNG.

    Raises:
        StrataError: the subject has none, or it follows a layer that is not built.
    """
    if subject not in scene.masks:
        raise StrataError(f"{scene.source}: subjects.{subject} has no mask.")
    spec = scene.mask(subject)
    followed = [f"{paths.RESULTS}/{file}" for file in layers.mask(folder, subject).sees]
    drawn = masks.draw(spec["mask"], scene.size, spec["scale"], spec["where"], layer=next(iter(followed), None))
    return encode(drawn)
