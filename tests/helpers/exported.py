"""A finished scene in memory, with whatever layers a test wants, and what an exported file holds, in our own terms."""

import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image
from psd_tools import PSDImage

from strata.exports import openraster, psd
from strata.exports.stack import ExportedLayer, Picture
from strata.imaging import compositing, png, provenance
from strata.imaging.compositing import BLEND_MODES, Layer
from strata.scene.description import complete

FINISH = {"brightness": 1.05, "contrast": 1.15, "color": 0.9, "sharpness": 1.3}
NO_FINISH = dict.fromkeys(FINISH, 1.0)

SCENE = complete({"background": {"prompt": '<b>a desert</b> & "two" suns'}}, "a test")


def noise(seed: int, size: tuple[int, int], smooth: int = 6) -> Image.Image:
    """A picture with all levels and soft shapes, "RGB"."""
    width, height = size
    values = np.random.default_rng(seed).integers(
        0, 256, (height // smooth + 2, width // smooth + 2, 3), dtype=np.uint8
    )
    return Image.fromarray(values).resize(size, Image.Resampling.BICUBIC)


def soft_disc(size: tuple[int, int], center: tuple[float, float], radius: float) -> Image.Image:
    """A soft mask, "L"."""
    y, x = np.mgrid[: size[1], : size[0]]
    distance = np.hypot(x - center[0], y - center[1])
    return Image.fromarray((np.clip((radius - distance) / 12 + 0.5, 0, 1) * 255).astype(np.uint8))


def cut(seed: int, size: tuple[int, int], center: tuple[float, float], radius: float) -> Image.Image:
    return compositing.cut_out(noise(seed, size), soft_disc(size, center, radius))


def make_picture(layers: list[tuple[str, str, Layer]], size: tuple[int, int], finish: dict | None = None) -> Picture:
    """A finished scene of layers: (name, kind, layer), bottom to top."""
    finish = finish or NO_FINISH
    quantised = [(name, kind, compositing.quantise(layer)) for name, kind, layer in layers]
    flat = compositing.flatten(size, [layer for _, _, layer in quantised])
    final = compositing.finish(flat, **finish)
    made = {"pass": {"prompt": "</script><script>alert(1)</script>", "seed": 7, "model": {"id": "a/b"}}}
    told = json.dumps({"scene": SCENE, "layers": {name: made for name, _, _ in layers}, "made_by": {}})
    file = encode_png(final, {provenance.CHUNK: told})
    exported = tuple(ExportedLayer(name, kind, layer, made) for name, kind, layer in quantised)
    return Picture(size, exported, flat, final, finish, told, file)


def encode_png(image: Image.Image, texts: dict[str, str]) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        png.write(Path(folder) / "a.png", image, texts)
        return (Path(folder) / "a.png").read_bytes()


def typical(size: tuple[int, int] = (192, 128), finish: dict | None = FINISH) -> Picture:
    """What scenes are made of: opaque, cut out, blurred, moved, faint layers."""
    return make_picture(
        [
            ("background", "background", Layer(noise(1, size))),
            ("astronaut", "subject", Layer(cut(2, size, (50, 70), 30))),
            ("rover", "subject", Layer(cut(3, size, (130, 70), 40), opacity=0.7, blur=1.5, position=(-20, 9))),
            ("fog", "effect", Layer(noise(4, size, 30), opacity=0.3, blur=2, blend="screen")),
            ("grain", "effect", Layer(cut(5, size, (90, 60), 60), opacity=0.1, blend="overlay")),
        ],
        size,
        finish,
    )


def in_mode(mode: str, size: tuple[int, int] = (192, 128)) -> Picture:
    """Two layers, the upper one in a blend mode at 60 %."""
    return make_picture(
        [
            ("background", "background", Layer(noise(1, size))),
            ("disc", "subject", Layer(cut(2, size, (90, 60), 55), opacity=0.6, blend=mode)),
        ],
        size,
    )


def in_each_mode(size: tuple[int, int] = (192, 128)) -> Picture:
    """What `in_mode` gives for each of MODES, side by side in one picture: a program has to start only once."""
    width, height = size
    strip = width * len(MODES), height
    background, disc = Image.new("RGB", strip), cut(2, size, (90, 60), 55)
    layers = [("background", "background", Layer(background))]
    for number, mode in enumerate(MODES):
        background.paste(noise(1, size), (width * number, 0))
        shown = Image.new("RGBA", strip)
        shown.paste(disc, (width * number, 0))
        layers.append((mode, "subject", Layer(shown, opacity=0.6, blend=mode)))
    return make_picture(layers, strip)


def read_openraster(content: bytes) -> tuple[list[tuple[str, Layer]], Image.Image]:
    """The layers of an OpenRaster file, bottom to top with their names, and its merged picture."""
    operations = {operation: mode for mode, operation in openraster.OPERATIONS.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        root = ElementTree.fromstring(archive.read("stack.xml"))

        def load(name: str) -> Image.Image:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                image.load()
            return image

        layers = [
            (
                node.get("name"),
                Layer(
                    load(node.get("src")),
                    round(float(node.get("opacity")) * 255) / 255,
                    0,
                    operations[node.get("composite-op")],
                    (int(node.get("x")), int(node.get("y"))),
                ),
            )
            for node in reversed(list(root.iter("layer")))
        ]
        return layers, load("mergedimage.png")


def read_psd(content: bytes) -> tuple[list[tuple[str, Layer]], Image.Image]:
    """The layers of a PSD, bottom to top with their names, each with its mask as its alpha, and its merged picture."""
    modes = {mode: name for name, mode in psd.MODES.items()}
    document = PSDImage.open(io.BytesIO(content))
    layers = []
    for layer in document.descendants():
        if layer.is_group():
            continue
        image = layer.topil().convert("RGB")
        if layer.mask is not None:
            mask = Image.new("L", image.size, layer.mask.background_color)
            mask.paste(layer.mask.topil(), (layer.mask.left - layer.left, layer.mask.top - layer.top))
            image.putalpha(mask)
        layers.append((layer.name, Layer(image, layer.opacity / 255, 0, modes[layer.blend_mode], layer.offset)))
    return layers, document.topil().convert("RGB")


READERS = {"openraster": (openraster.encode, read_openraster), "psd": (psd.encode, read_psd)}

MODES = list(BLEND_MODES)
