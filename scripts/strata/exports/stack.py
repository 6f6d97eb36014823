"""A finished scene in memory, as the exports need it: its layers as they were flattened, and its picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from PIL import Image

from strata.files import ReadFile, read_file
from strata.imaging import compositing, depth, png, provenance, stacks
from strata.imaging.provenance import LayerProvenance
from strata.passes import Finish
from strata.scene.exports import ExportSpec, Kind

FINISH = "finish"
BACKDROP = "backdrop"


@dataclass(frozen=True)
class ExportedLayer:
    """A layer of the stack.

    Attributes:
        name: unique among the layers of the picture.
        layer: quantised: its opacity is k / 255, and it has no blur. Straight alpha.
        made: how it was made.
    """

    name: str
    kind: Kind
    layer: compositing.Layer
    made: LayerProvenance

    @property
    def level(self) -> int:
        """The opacity from 0 to 255."""
        return round(self.layer.opacity * 255)


@dataclass(frozen=True)
class Picture:
    """A finished scene.

    Attributes:
        size: (width, height) in pixels.
        layers: bottom to top.
        flat: the layers flattened, "RGB".
        final: the final picture, "RGB": finished, and perhaps retouched.
        finish: how `flat` was finished.
        provenance: what the final picture says about itself, JSON; empty if it says nothing.
        file: the final picture's PNG.
    """

    size: tuple[int, int]
    layers: tuple[ExportedLayer, ...]
    flat: Image.Image
    final: Image.Image
    finish: Finish
    provenance: str
    file: bytes

    @property
    def is_finished(self) -> bool:
        """Whether the final picture is another one than that of the layers."""
        return self.flat.tobytes() != self.final.tobytes()

    @property
    def needs_backdrop(self) -> bool:
        """Whether the black beneath the stack can be seen. Other programs begin with transparency instead."""
        lowest = self.layers[0].layer
        covers = lowest.position == (0, 0) and lowest.image.size == self.size
        opaque = lowest.image.mode == "RGB" or lowest.image.getchannel("A").getextrema() == (255, 255)
        return not (covers and opaque and lowest.opacity == 1 and lowest.blend == "normal")

    def groups(self) -> Iterator[tuple[Kind, list[ExportedLayer]]]:
        """The layers, bottom to top, those of one kind that lie on each other together."""
        for kind, layers in groupby(self.layers, lambda layer: layer.kind):
            yield kind, list(layers)


def read(
    spec: ExportSpec,
    picture: str,
    files: Sequence[str],
    read_file: ReadFile = read_file,
    depth_file: str | None = None,
) -> Picture:
    """Reads a finished scene.

    Args:
        picture: the file of the final picture.
        files: those of the layers, one for each entry of the stack.
        read_file: gives a file's content.
        depth_file: that of the depth picture, if layers follow one.

    Raises:
        StrataError: a file is missing, is no picture, or has another size than the scene.
    """
    size = spec["width"], spec["height"]
    distance = depth.read(spec["depth"], size, read_file, depth_file) if spec["depth"] else None
    layers = tuple(
        ExportedLayer(name, kind, layer, provenance.describe_layer(file, read_file))
        for name, kind, layer, file in zip(
            _name([entry["layer"] for entry in spec["stack"]]),
            spec["kinds"],
            stacks.read(spec["stack"], files, size, read_file, distance),
            files,
            strict=True,
        )
    )
    flat = compositing.flatten(size, (exported.layer for exported in layers))
    final = png.read(picture, "RGB", size, read_file)
    content = read_file(picture)
    text = provenance.read_texts(content).get(provenance.CHUNK, "") if content.startswith(b"\x89PNG") else ""
    return Picture(size, layers, flat, final, spec["finish"], text, content)


def crop_to_seen(layer: compositing.Layer, margin: int = 0) -> compositing.Layer:
    """The layer without the rows and columns at its border that are transparent; one pixel of it if all is.

    Args:
        margin: how many of them to keep, in pixels.
    """
    whole = 0, 0, *layer.image.size
    box = whole if layer.image.mode == "RGB" else layer.image.getchannel("A").getbbox()
    left, top, right, bottom = box or (0, 0, 1, 1)
    left, top = max(left - margin, 0), max(top - margin, 0)
    right, bottom = min(right + margin, layer.image.width), min(bottom + margin, layer.image.height)
    x, y = layer.position
    return compositing.Layer(
        layer.image.crop((left, top, right, bottom)), layer.opacity, 0.0, layer.blend, (x + left, y + top)
    )


def summarise(exported: ExportedLayer) -> str:
    """How a layer was made, in a line."""
    pass_ = exported.made.get("pass", {})
    words = [f"{exported.name}: {exported.layer.blend}, opacity {exported.level / 255:.0%}"]
    if "prompt" in pass_:
        words.append(str(pass_["prompt"]))
    if "seed" in pass_:
        words.append(f"seed {pass_['seed']}")
    if isinstance(pass_.get("model"), dict):
        words.append(f"model {pass_['model'].get('id')}")
    if exported.made.get("retouched"):
        words.append("retouched")
    return "; ".join(words)


def _name(names: Sequence[str]) -> list[str]:
    """The names of layers, each once: one that stands twice in a stack gets a number."""
    named: list[str] = []
    for name in names:
        count = sum(other == name for other in names[: len(named)])
        named.append(f"{name} {count + 1}" if count else name)
    return named
