"""PSD: the layers with their masks, groups, blend modes and opacities, for Photoshop, Krita, GIMP and others.

The soft edge of a subject is a layer mask, so that it can be moved: beyond it lies the colour of what is beneath, which is about what
the subject's pass saw there, and not the black of a layer that was cut out.
"""

import html
import io
import re

from PIL import Image
from psd_tools import PSDImage
from psd_tools.api.layers import Group
from psd_tools.constants import BlendMode, Compression, Resource
from psd_tools.psd.image_data import ImageData
from psd_tools.psd.image_resources import ImageResource

from strata.errors import StrataError
from strata.exports.places import XMP_PROPERTY
from strata.exports.stack import BACKDROP, FINISH, ExportedLayer, Picture, crop_to_seen, summarise
from strata.imaging import compositing

LONGEST_SIDE = 30_000
"""The most pixels of a PSD in each direction."""

MARGIN = 64
"""How many pixels of colour lie beyond a layer's mask."""

MODES = {
    "normal": BlendMode.NORMAL,
    "multiply": BlendMode.MULTIPLY,
    "screen": BlendMode.SCREEN,
    "overlay": BlendMode.OVERLAY,
    "soft_light": BlendMode.SOFT_LIGHT,
    "hard_light": BlendMode.HARD_LIGHT,
    "darken": BlendMode.DARKEN,
    "lighten": BlendMode.LIGHTEN,
    "add": BlendMode.LINEAR_DODGE,
    "difference": BlendMode.DIFFERENCE,
}

GROUP_NAMES = {"subject": "subjects", "effect": "effects"}

PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:strata="urn:strata:picture">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{description}</rdf:li></rdf:Alt></dc:description>
<{name}>{provenance}</{name}>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def encode(picture: Picture) -> bytes:
    """The content of a .psd file. The same picture gives the same bytes: there is no date in it.

    Raises:
        StrataError: the picture is larger than a PSD can be.
    """
    if max(picture.size) > LONGEST_SIDE:
        raise StrataError(
            f"The scene is {picture.size[0]} x {picture.size[1]} pixels, and a PSD has at most {LONGEST_SIDE} on a side. Lower "
            "canvas.scale, or export it as OpenRaster."
        )
    document = PSDImage.new("RGB", picture.size)
    if picture.needs_backdrop:
        _add(document, Image.new("RGB", picture.size), BACKDROP)
    plate = Image.new("RGB", picture.size)
    for kind, layers in picture.groups():
        place: Group | PSDImage = document if kind == "background" else document.create_group(name=GROUP_NAMES[kind])
        for layer in layers:
            _add_layer(place, layer, plate)
            plate = compositing.flatten(picture.size, [compositing.Layer(plate), layer.layer])
    if picture.is_finished:
        _add(document, picture.final, FINISH)
    document.image_resources[Resource.XMP_METADATA] = ImageResource(
        key=Resource.XMP_METADATA, data=_describe(picture).encode()
    )
    # save() would work out the merged picture by itself, and not to the byte.
    record = document._record
    record.image_data = ImageData(Compression.RLE)
    record.image_data.set_data([channel.tobytes() for channel in picture.final.split()], record.header)
    content = io.BytesIO()
    record.write(content)
    return content.getvalue()


def _add_layer(place: Group | PSDImage, exported: ExportedLayer, plate: Image.Image) -> None:
    """Adds a layer; its alpha, if it has any, becomes its mask."""
    layer = crop_to_seen(exported.layer, MARGIN)
    image = layer.image
    if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
        image = _fill(image, plate, layer.position)
    else:
        image = image.convert("RGB")
    _add(place, image, exported.name, layer.position, exported.level, MODES[layer.blend])


def _add(
    place: Group | PSDImage,
    image: Image.Image,
    name: str,
    position: tuple[int, int] = (0, 0),
    level: int = 255,
    mode: BlendMode = BlendMode.NORMAL,
) -> None:
    """Adds a layer of an "RGB" image, or of an "RGBA" one, whose alpha becomes a layer mask in a document of RGB."""
    place.create_pixel_layer(image, name, position[1], position[0], Compression.RLE, level, mode)


def _fill(image: Image.Image, plate: Image.Image, position: tuple[int, int]) -> Image.Image:
    """An "RGBA" image with the colour of the plate beneath where it is transparent altogether."""
    x, y = position
    beneath = plate.crop((x, y, x + image.width, y + image.height))
    alpha = image.getchannel("A")
    colour = Image.composite(image.convert("RGB"), beneath, alpha.point(lambda level: 255 if level else 0))
    colour.putalpha(alpha)
    return colour


def _describe(picture: Picture) -> str:
    """The XMP packet: the layers in words, which Photoshop shows as the file's description, and the whole provenance."""
    words = re.sub(r"[^\x20-\ud7ff\ue000-\ufffd]", " ", "\n".join(map(summarise, picture.layers)))
    return PACKET.format(description=html.escape(words), name=XMP_PROPERTY, provenance=html.escape(picture.provenance))
