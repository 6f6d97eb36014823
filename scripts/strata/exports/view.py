"""The page of a scene: its layers with an eye each, in one file that opens from a disk or a mail.

The layers lie in it as PNGs, cropped to what is seen, and the page flattens and finishes them itself, to the bit as this library
does. So the final picture need not lie there, too: what is left between the two, such as a retouched final picture, lies there as a
difference, which is a few hundred bytes of zeros where it is none.
"""

import base64
import html
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from strata.exports import pages
from strata.exports.places import PAGE_DATA
from strata.exports.stack import FINISH, ExportedLayer, Picture, crop_to_seen, summarise
from strata.imaging.arrays import Array
from strata.passes import Finish

PREVIEW = 640  # the longest side of the preview in pixels

COMPRESSION = 5
"""zlib's level: layers are up to a fifth smaller than with 1, and 9 takes ten times as long for a tenth more."""

EYE = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path class="open" d="M2 12c3-5 6-7 10-7s7 2 10 7c-3 5-6 7-10 7s-7-2-10-7z"/>'
    '<circle class="open" cx="12" cy="12" r="3"/><path class="closed" d="M2 11c3 4 6 6 10 6s7-2 10-6M5 15l-2 2M12 17v3M19 15l2 2"/>'
    "</svg>"
)

SAID = {
    "negative_prompt": "Not",
    "seed": "Seed",
    "steps": "Steps",
    "guidance_scale": "Guidance scale",
    "strength": "Strength",
    "scheduler": "Sampler",
}
"""What of a pass the page says, and how it calls it."""


def encode(
    picture: Picture,
    title: str,
    seconds: Mapping[str, float] | None = None,
    compared: Sequence[tuple[str, Image.Image]] = (),
) -> bytes:
    """The page.

    Args:
        title: the scene's name.
        seconds: how long the passes of layers took, by the layer's name, as far as that is known.
        compared: names and pictures of other scenes, "RGB", that can be put beside this one. Those of another size are scaled.
    """
    took = seconds or {}
    layers = [_describe_layer(layer, took.get(layer.name)) for layer in picture.layers]
    left_over = _subtract(picture)
    others = [_encode_png(other.resize(picture.size, Image.Resampling.LANCZOS)) for _, other in compared]
    data = {"size": picture.size, "finish": picture.finish, "layers": layers, "residual": left_over, "compared": others}
    choices = {"final": "final.png", "shown": "what is shown", "flat": "the layers without the finish"}
    for number, layer in enumerate(picture.layers[1:], start=1):
        choices[f"plate {number}"] = f"what lies beneath {layer.name}"
    choices |= {f"compared {number}": name for number, (name, _) in enumerate(compared)}
    body = pages.fill(
        "view.html",
        title=html.escape(title),
        size=f"{picture.size[0]} × {picture.size[1]}, {len(layers)} layers",
        width=str(picture.size[0]),
        height=str(picture.size[1]),
        preview=pages.encode_preview(picture.final, PREVIEW),
        alt=html.escape(f"The final picture of {title}"),
        choices_left=pages.list_options(choices, "plate 1" if "plate 1" in choices else "flat"),
        choices_right=pages.list_options(choices, "final"),
        rows="\n".join(_make_rows(picture, took)),
    )
    told = {"picture": pages.to_json(data), PAGE_DATA: picture.provenance or "{}"}
    return pages.make_page(title, body, told, ("compositing.js", "slider.js", "view.js"))


def finish_as_the_page(levels: Array, finish: Finish) -> Array:
    """What page/compositing.js makes of levels of shape (height, width, 3), operation for operation.

    It is Pillow's ImageEnhance, but for a smoothing whose last bit may be rounded otherwise.
    """
    result = levels.astype(np.float32)
    if finish["brightness"] != 1:
        result = _mix(np.float32(0), result, finish["brightness"])
    if finish["contrast"] != 1:
        mean = np.floor(_luma(result).astype(np.int64).sum() / (result.size // 3) + 0.5)
        result = _mix(np.float32(mean), result, finish["contrast"])
    if finish["color"] != 1:
        result = _mix(_luma(result)[:, :, None].astype(np.float32), result, finish["color"])
    if finish["sharpness"] != 1:
        result = _mix(_smooth(result), result, finish["sharpness"])
    return result.astype(np.uint8)


def _mix(start: Array | np.float32, end: Array, factor: float) -> Array:
    """Between two levels and beyond, cut off and truncated."""
    return np.trunc(np.clip(start + np.float32(factor) * (end - start), 0, 255))


def _luma(levels: Array) -> Array:
    red, green, blue = np.moveaxis(levels.astype(np.int64), 2, 0)
    return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16


def _smooth(levels: Array) -> Array:
    """The kernel of Pillow's ImageFilter.SMOOTH, 5 in the middle and 1 round it; the border stays."""
    whole = levels.astype(np.int64)
    height, width = whole.shape[:2]
    total = 4 * whole[1:-1, 1:-1]
    for y in range(3):
        for x in range(3):
            total = total + whole[y : height - 2 + y, x : width - 2 + x]
    smooth = levels.copy()
    smooth[1:-1, 1:-1] = np.floor(total / 13 + 0.5)
    return smooth


def _subtract(picture: Picture) -> str | None:
    """What is to be added, modulo 256, to what the page makes of all layers, for the final picture; None if nothing is."""
    made = finish_as_the_page(np.asarray(picture.flat), picture.finish)
    left_over = np.asarray(picture.final) - made  # of uint8, so modulo 256
    return _encode_png(Image.fromarray(left_over)) if left_over.any() else None


def _describe_layer(exported: ExportedLayer, seconds: float | None) -> dict[str, Any]:
    layer = crop_to_seen(exported.layer)
    x, y = layer.position
    opaque = layer.image.mode == "RGB" or layer.image.getchannel("A").getextrema() == (255, 255)
    return {
        "name": exported.name,
        "x": x,
        "y": y,
        "level": exported.level,
        "blend": layer.blend,
        "told": summarise(exported) + ("" if seconds is None else f"; painted in {seconds:.1f} s"),
        "png": _encode_png(layer.image.convert("RGB") if opaque else layer.image),
    }


def _encode_png(image: Image.Image) -> str:
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=COMPRESSION)
    return base64.b64encode(content.getvalue()).decode()


def _make_rows(picture: Picture, seconds: Mapping[str, float]) -> Iterator[str]:
    """The rows of the list, the topmost layer first."""
    if any(factor != 1 for factor in picture.finish.values()):
        factors = ", ".join(f"{name} {factor:g}" for name, factor in picture.finish.items() if factor != 1)
        yield (
            f'<li data-layer="finish">{_make_eye(FINISH)}<span></span>'
            f'<div><span class="name">finish</span> <span class="how">{html.escape(factors)}</span></div></li>'
        )
    for number in reversed(range(len(picture.layers))):
        yield _make_row(number, picture.layers[number], seconds.get(picture.layers[number].name))


def _make_eye(name: str) -> str:
    return f'<button class="eye scripted" aria-pressed="true" aria-label="Show {html.escape(name)}">{EYE}</button>'


def _make_row(number: int, exported: ExportedLayer, seconds: float | None) -> str:
    name, percent = html.escape(exported.name), f"{exported.level / 255:.0%}".replace("%", " %")
    how = exported.kind if exported.kind == exported.name else f"{exported.kind}, {exported.layer.blend}"
    pass_ = exported.made.get("pass", {})
    prompt = str(pass_.get("prompt", "an image, or painted by hand"))
    told = {words: pass_[key] for key, words in SAID.items() if pass_.get(key) not in (None, "")}
    if isinstance(model := pass_.get("model"), dict):
        told["Model"] = " ".join(str(model[key]) for key in ("id", "revision") if model.get(key))
    if seconds is not None:
        told["Painted in"] = f"{seconds:.1f} s"
    if exported.made.get("retouched"):
        told["Retouched"] = "by hand, after it was painted"
    listed = "".join(f"<dt>{words}</dt><dd>{html.escape(str(value))}</dd>" for words, value in told.items())
    return f"""\
<li data-layer="{number}">{_make_eye(exported.name)}<canvas class="scripted" width="128" height="88" aria-hidden="true"></canvas>
<div><span class="name">{name}</span> <span class="how">{how.replace("_", " ")}</span>
<label class="opacity scripted"><input type="range" min="0" max="255" value="{exported.level}" aria-label="Opacity of {name}">\
<output>{percent}</output></label></div>
<details><summary>{html.escape(prompt)}</summary><dl>{listed}</dl></details></li>"""
