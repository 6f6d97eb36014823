"""OpenRaster: a zip of PNGs and the stack that they make, for Krita, GIMP 3, MyPaint and others.

https://www.openraster.org, version 0.0.6: `mimetype` first and stored, stack.xml, data/, mergedimage.png, Thumbnails/thumbnail.png.
Written here, since no library for it is maintained. `mergedimage.png` is the file of the final picture itself, with the scene in it.
"""

import io
import json
import math
import zipfile
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from strata.exports.stack import BACKDROP, FINISH, ExportedLayer, Picture, crop_to_seen
from strata.imaging.png import COMPRESSION

OPERATIONS = {
    "normal": "svg:src-over",
    "multiply": "svg:multiply",
    "screen": "svg:screen",
    "overlay": "svg:overlay",
    "soft_light": "svg:soft-light",
    "hard_light": "svg:hard-light",
    "darken": "svg:darken",
    "lighten": "svg:lighten",
    "add": "svg:plus",
    "difference": "svg:difference",
}
"""The composite-op of each blend mode."""

AddFile = Callable[[Image.Image, str], str]
"""Adds a picture with its text to the file, and returns its name there."""

THUMBNAIL = 256  # the longest side of a thumbnail in pixels, as the standard says

GROUP_NAMES = {"background": "background", "subject": "subjects", "effect": "effects"}


def encode(picture: Picture) -> bytes:
    """The content of an .ora file. The same picture gives the same bytes: there is no date in it."""
    files: dict[str, bytes] = {}

    def add(image: Image.Image, text: str) -> str:
        name = f"data/layer{len(files):03}.png"
        files[name] = _encode_png(image, text)
        return name

    width, height = picture.size
    root = ElementTree.Element("image", {"version": "0.0.6", "w": str(width), "h": str(height), "name": "Strata"})
    stack = ElementTree.SubElement(root, "stack")
    for node in reversed(list(_make_nodes(picture, add))):  # the first is the topmost
        stack.append(node)
    ElementTree.indent(root)
    thumbnail = picture.final.copy()
    thumbnail.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:  # PNGs are packed already
        archive.writestr(zipfile.ZipInfo("mimetype"), "image/openraster")
        archive.writestr(zipfile.ZipInfo("stack.xml"), ElementTree.tostring(root, "utf-8", xml_declaration=True))
        for name, file in files.items():
            archive.writestr(zipfile.ZipInfo(name), file)
        archive.writestr(zipfile.ZipInfo("Thumbnails/thumbnail.png"), _encode_png(thumbnail))
        archive.writestr(zipfile.ZipInfo("mergedimage.png"), _merged(picture))
    return content.getvalue()


def _make_nodes(picture: Picture, add: AddFile) -> Iterator[ElementTree.Element]:
    """The elements of the stack, bottom to top."""
    if picture.needs_backdrop:
        yield _make_node(BACKDROP, add(Image.new("RGB", picture.size), ""))
    for kind, layers in picture.groups():
        nodes = [_make_layer(layer, add) for layer in layers]
        if kind == "background":
            yield from nodes
            continue
        # `auto`: its layers blend with all that lies beneath, as if there were no group.
        group = ElementTree.Element("stack", {"name": GROUP_NAMES[kind], "isolation": "auto"})
        group.extend(reversed(nodes))
        yield group
    if picture.is_finished:
        yield _make_node(FINISH, add(picture.final, ""))


def _make_layer(exported: ExportedLayer, add: AddFile) -> ElementTree.Element:
    layer = crop_to_seen(exported.layer)
    made = json.dumps(exported.made)
    return _make_node(exported.name, add(layer.image, made), exported.level, OPERATIONS[layer.blend], layer.position)


def _make_node(
    name: str,
    src: str,
    level: int = 255,
    operation: str = "svg:src-over",
    position: tuple[int, int] = (0, 0),
) -> ElementTree.Element:
    return ElementTree.Element(
        "layer",
        {
            "name": name,
            "src": src,
            "x": str(position[0]),
            "y": str(position[1]),
            # Rounded up: Krita truncates opacity x 255.
            "opacity": f"{math.ceil(level / 255 * 1e6) / 1e6:g}",
            "visibility": "visible",
            "composite-op": operation,
        },
    )


def _encode_png(image: Image.Image, text: str = "") -> bytes:
    chunks = PngInfo()
    if text:
        chunks.add_itxt("strata", text)
    content = io.BytesIO()
    image.save(content, "PNG", pnginfo=chunks, compress_level=COMPRESSION)
    return content.getvalue()


def _merged(picture: Picture) -> bytes:
    """The final picture's own file, if it is a PNG without alpha, as the standard wants it."""
    with Image.open(io.BytesIO(picture.file)) as image:
        as_it_is = image.format == "PNG" and image.mode in ("RGB", "RGBA")
    return picture.file if as_it_is else _encode_png(picture.final)
