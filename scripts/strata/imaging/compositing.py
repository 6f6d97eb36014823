"""Compositing: layers over each other, with blend modes, opacity and blur.

The convention, once: float32 from 0 to 1, arrays of (height, width, channel). Cb is the backdrop, Cs the source, both
straight (not premultiplied) colour, and as is the source's alpha times the layer's opacity. The backdrop is opaque
from the start (black), so the general formula of the recommendation

    co = as x (1 - ab) x Cs  +  as x ab x B(Cb, Cs)  +  (1 - as) x ab x Cb

becomes, with ab = 1,

    co = as x B(Cb, Cs)  +  (1 - as) x Cb

Written as these two products it is exact at both ends: as = 0 leaves Cb bit for bit, as = 1 gives B(Cb, Cs) bit for
bit. Blur works on premultiplied colour, so that what is transparent lends no colour. A stack stays in float; it is
rounded to 8 bits once, at the end. A final picture is made of layers as files of 8 bits can hold them, see quantise().

Formulas: W3C, Compositing and Blending Level 1, https://www.w3.org/TR/compositing-1/, sections 5 and 9.1. Colours are
taken as they are stored (sRGB), as browsers and image editors do.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageEnhance

from strata.imaging.arrays import Array, to_floats, to_image, to_levels

BAND = 64  # rows worked on at a time: few enough to stay in the processor's cache

Box = tuple[int, int, int, int]


# Blend modes: B(Cb, Cs), both of (height, width, 3); the result has the same shape and lies in 0 to 1.


def normal(cb: Array, cs: Array) -> Array:
    """Cs"""
    return cs


def multiply(cb: Array, cs: Array) -> Array:
    """Cb x Cs"""
    return cb * cs


def screen(cb: Array, cs: Array) -> Array:
    """1 - (1 - Cb) x (1 - Cs) = Cb + Cs - Cb x Cs"""
    return cb + cs - cb * cs


def overlay(cb: Array, cs: Array) -> Array:
    """HardLight(Cs, Cb): hard light with the layers exchanged."""
    return hard_light(cs, cb)


def darken(cb: Array, cs: Array) -> Array:
    """min(Cb, Cs)"""
    return np.minimum(cb, cs)


def lighten(cb: Array, cs: Array) -> Array:
    """max(Cb, Cs)"""
    return np.maximum(cb, cs)


def hard_light(cb: Array, cs: Array) -> Array:
    """Multiply(Cb, 2 x Cs) where Cs <= 0.5, else Screen(Cb, 2 x Cs - 1)"""
    return np.where(cs <= 0.5, multiply(cb, 2 * cs), screen(cb, 2 * cs - 1))


def soft_light(cb: Array, cs: Array) -> Array:
    """Cb - (1 - 2 x Cs) x Cb x (1 - Cb) where Cs <= 0.5, else Cb + (2 x Cs - 1) x (D(Cb) - Cb)

    with D(Cb) = ((16 x Cb - 12) x Cb + 4) x Cb where Cb <= 0.25, else sqrt(Cb).
    """
    d = np.where(cb <= 0.25, ((16 * cb - 12) * cb + 4) * cb, np.sqrt(cb))
    return np.where(cs <= 0.5, cb - (1 - 2 * cs) * cb * (1 - cb), cb + (2 * cs - 1) * (d - cb))


def difference(cb: Array, cs: Array) -> Array:
    """|Cb - Cs|"""
    return np.abs(cb - cs)


def add(cb: Array, cs: Array) -> Array:
    """min(1, Cb + Cs): the sum of Level 2's plus-lighter, as a blend mode (linear dodge). Not in Level 1."""
    return np.minimum(cb + cs, 1)


BLEND_MODES: dict[str, Callable[[Array, Array], Array]] = {
    mode.__name__: mode
    for mode in (normal, multiply, screen, overlay, soft_light, hard_light, darken, lighten, add, difference)
}


@dataclass(frozen=True)
class Layer:
    """A picture in a stack.

    image     "RGB" (opaque) or "RGBA" (straight alpha), 8 bits.
    opacity   0 to 1, times the alpha.
    blur      standard deviation of a Gaussian in pixels, 0 for none. The layer keeps its size, and beyond its
              border its edge continues: an opaque layer neither darkens nor turns transparent there.
    blend     a name in BLEND_MODES.
    position  (x, y) of its top left corner on the canvas in pixels; may be negative, or off the canvas.
    veil      float32 of the canvas's (height, width), 0 to 1, times the alpha, after the blur; None for 1 everywhere.

    Raises ValueError for anything else.
    """

    image: Image.Image
    opacity: float = 1.0
    blur: float = 0.0
    blend: str = "normal"
    position: tuple[int, int] = (0, 0)
    veil: Array | None = None

    def __post_init__(self) -> None:
        if self.image.mode not in ("RGB", "RGBA"):
            raise ValueError(f"a layer's image must be RGB or RGBA, this one is {self.image.mode}")
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"a layer's opacity must be from 0 to 1, this one is {self.opacity}")
        if not 0 <= self.blur < math.inf:
            raise ValueError(f"a layer's blur must be 0 px or more, this one is {self.blur}")
        if self.blend not in BLEND_MODES:
            raise ValueError(f"{self.blend!r} is no blend mode: there are {', '.join(BLEND_MODES)}")


def flatten(size: tuple[int, int], layers: Iterable[Layer]) -> Image.Image:
    """The stack as one picture: the layers, bottom to top, over opaque black.

    size  (width, height) of the canvas in pixels; what layers have beyond it is cut off.

    Where a layer's alpha or opacity is 0 it changes nothing, bit for bit; where it is opaque, normal and unblurred
    its own values come out bit for bit. Returns an "RGB" image.
    """
    width, height = size
    canvas = np.zeros((height, width, 3), np.float32)
    for layer in layers:
        _paint(canvas, layer)
    canvas *= 255  # in place: at 2048 x 2048 a copy would take another 50 MB
    return to_levels(canvas)


def quantise(layer: Layer) -> Layer:
    """The layer as a file with 8 bits a channel holds it: its blur and veil are in its pixels, its opacity is the nearest k / 255.

    Layered files know no blur of ours, and most of them have 8 bits for an opacity: 0.3 does not exist there. What a final
    picture is flattened from is quantised, so that a file which holds these layers shows the same picture to the byte.
    """
    image, box = layer.image, _opaque_box(layer)
    if layer.blur and box is not None:
        pixels, corner = _blur(layer, box)
        image = to_image(pixels)
        if image.size != layer.image.size:
            part, image = image.convert("RGBA"), Image.new("RGBA", layer.image.size)
            image.paste(part, corner)
    if layer.veil is not None:
        image = _bake(image, layer.veil, layer.position)
    return replace(layer, image=image, opacity=round(layer.opacity * 255) / 255, blur=0.0, veil=None)


def _bake(image: Image.Image, veil: Array, position: tuple[int, int]) -> Image.Image:
    """An image with its alpha times a veil, "RGBA". What of it lies off the canvas keeps its own."""
    x, y = position
    left, top = max(-x, 0), max(-y, 0)
    right, bottom = min(veil.shape[1] - x, image.width), min(veil.shape[0] - y, image.height)
    baked = image.convert("RGBA")
    if left < right and top < bottom:
        alpha = baked.getchannel("A")
        seen = to_floats(alpha.crop((left, top, right, bottom))) * veil[top + y : bottom + y, left + x : right + x]
        alpha.paste(to_image(seen), (left, top))
        baked.putalpha(alpha)
    return baked


def cut_out(painted: Image.Image, mask: Image.Image) -> Image.Image:
    """A subject's layer: the painted picture with the soft mask as its alpha.

    painted  "RGB". mask  "L", of the same size. Returns an "RGBA" image with straight alpha.
    Where the mask is 0 the colour is 0 too: nobody sees it, and a layer then neither depends on it nor stores it.

    Raises ValueError for other modes, or for sizes that differ.
    """
    if painted.mode != "RGB" or mask.mode != "L" or painted.size != mask.size:
        raise ValueError(
            f"cut_out needs an RGB picture and an L mask of its size, not {painted.mode} {painted.size} and "
            f"{mask.mode} {mask.size}"
        )
    alpha = np.asarray(mask)[:, :, None]
    return Image.fromarray(np.concatenate([np.where(alpha > 0, np.asarray(painted), 0), alpha], axis=2, dtype=np.uint8))


def finish(
    image: Image.Image,
    brightness: float = 1,
    contrast: float = 1,
    color: float = 1,
    sharpness: float = 1,
) -> Image.Image:
    """Brightness, contrast, colour and sharpness, in this order, each as Pillow's ImageEnhance defines it.

    image  "RGB". Each factor is 0 or more: 0 gives black, the mean grey, greyscale, a smoothed picture; 1 leaves the
    picture exactly as it is; more than 1 strengthens. Returns an "RGB" image. Raises ValueError for a factor below 0.
    """
    factors = {"Brightness": brightness, "Contrast": contrast, "Color": color, "Sharpness": sharpness}
    for name, factor in factors.items():
        if not 0 <= factor < math.inf:
            raise ValueError(f"{name.lower()} must be 0 or more, this one is {factor}")
        if factor != 1:
            image = getattr(ImageEnhance, name)(image).enhance(factor)
    return image


def _paint(canvas: Array, layer: Layer) -> None:
    """Blend one layer onto the canvas, which is changed: float32 of (height, width, 3)."""
    opaque = _opaque_box(layer)
    seen = _seen(layer, opaque, canvas.shape[1], canvas.shape[0])
    if opaque is None or seen is None:
        return
    x0, y0, x1, y1 = seen
    x, y = layer.position
    blurred, (left, top) = _blur(layer, opaque) if layer.blur else (None, (0, 0))
    blend, opacity = BLEND_MODES[layer.blend], np.float32(layer.opacity)
    for row in range(y0, y1, BAND):
        end = min(row + BAND, y1)
        if blurred is not None:
            pixels = blurred[row - top : end - top, x0 - left : x1 - left]
        else:
            pixels = to_floats(layer.image.crop((x0, row, x1, end)))
        cb = canvas[row + y : end + y, x0 + x : x1 + x]
        cs = pixels[:, :, :3]
        if pixels.shape[2] == 3 and layer.opacity == 1 and layer.veil is None:
            cb[...] = blend(cb, cs)
            continue
        alpha = pixels[:, :, 3:] * opacity if pixels.shape[2] == 4 else opacity
        if layer.veil is not None:
            alpha = alpha * layer.veil[row + y : end + y, x0 + x : x1 + x, None]
        cb[...] = alpha * blend(cb, cs) + (1 - alpha) * cb


def _seen(layer: Layer, box: Box | None, width: int, height: int) -> Box | None:
    """The part of a layer, in its own pixels, that can change a canvas of (width, height); None if there is none."""
    if layer.opacity == 0 or box is None:
        return None
    x, y = layer.position
    x0, y0 = max(box[0], -x), max(box[1], -y)
    x1, y1 = min(box[2], width - x), min(box[3], height - y)
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def _opaque_box(layer: Layer) -> Box | None:
    """Round the pixels whose alpha is above 0, after blurring; None if there are none."""
    if layer.image.mode == "RGB":
        return 0, 0, layer.image.width, layer.image.height
    box = layer.image.getchannel("A").getbbox()
    if box is None or not layer.blur:
        return box
    reach = _reach(_gaussian_stages(layer.blur))
    return (
        max(box[0] - reach, 0),
        max(box[1] - reach, 0),
        min(box[2] + reach, layer.image.width),
        min(box[3] + reach, layer.image.height),
    )


def _blur(layer: Layer, box: Box) -> tuple[Array, tuple[int, int]]:
    """The layer's blurred pixels and where they begin in it: straight colour, 3 channels if it is opaque, else 4.

    Only the box that the blur can reach is worked on. Round it lies either the layer's border, where the edge
    continues, or a row of alpha 0, whose continuation is what lies there anyway.
    """
    pixels = to_floats(layer.image.crop(box))
    if pixels.shape[2] == 3 or pixels[:, :, 3].min() == 1:
        return gaussian(pixels[:, :, :3], layer.blur), box[:2]
    pixels[:, :, :3] *= pixels[:, :, 3:]
    pixels = gaussian(pixels, layer.blur)
    alpha = pixels[:, :, 3:]
    np.divide(pixels[:, :, :3], alpha, out=pixels[:, :, :3], where=alpha > 0)
    return np.minimum(pixels, 1, out=pixels), box[:2]


def gaussian(pixels: Array, deviation: float) -> Array:
    """Blurs (height, width, channel) in height and width by a standard deviation in pixels; beyond the border the edge continues."""
    stages = _gaussian_stages(deviation)
    reach = _reach(stages)
    for axis in (0, 1):
        # Continued once, before all stages: the edge of what one stage leaves is no longer the picture's edge.
        margins = [(0, 0), (0, 0), (0, 0)]
        margins[axis] = (reach, reach)
        pixels = np.pad(pixels, margins, mode="edge")
        for step, weights in stages:
            pixels = _convolve(pixels, step, weights, axis)
    return pixels


def gaussian_reach(deviation: float) -> int:
    """How many pixels away gaussian() sees."""
    return _reach(_gaussian_stages(deviation))


def _gaussian_stages(deviation: float) -> list[tuple[int, Array]]:
    """A Gaussian as a chain of short ones: (step, weights), weights[i] for the pixels i * step away on both sides.

    Variances add up, and a picture that is already smooth need not be looked at pixel by pixel: each stage of deviation
    2 * step makes it smooth enough to double the step. So the work grows with the logarithm of the deviation.
    """
    stages = []
    step, rest = 1, deviation
    while rest > 4 * step:
        stages.append((step, _gaussian_weights(2)))
        rest = math.sqrt(rest * rest - 4 * step * step)
        step *= 2
    return [*stages, (step, _gaussian_weights(rest / step))]


def _gaussian_weights(deviation: float) -> Array:
    distance = np.arange(math.ceil(4 * deviation) + 1)
    weights = np.exp(-0.5 * (distance / deviation) ** 2)
    return (weights / (2 * weights.sum() - weights[0])).astype(np.float32)


def _reach(stages: list[tuple[int, Array]]) -> int:
    """How many pixels away a chain still looks."""
    return sum(step * (len(weights) - 1) for step, weights in stages)


def _convolve(pixels: Array, step: int, weights: Array, axis: int) -> Array:
    """One stage along one axis; what it cannot reckon at both ends for want of neighbours is left off."""
    reach = step * (len(weights) - 1)
    shape = list(pixels.shape)
    shape[axis] -= 2 * reach
    height, width = shape[:2]
    result = np.empty(shape, np.float32)
    for row in range(0, height, BAND):
        end = min(row + BAND, height)

        def shifted(by: int, row: int = row, end: int = end) -> Array:
            start = reach + by
            return pixels[row + start : end + start] if axis == 0 else pixels[row:end, start : start + width]

        total = result[row:end]
        np.multiply(shifted(0), weights[0], out=total)
        for index, weight in enumerate(weights[1:], 1):
            pair = shifted(index * step) + shifted(-index * step)
            pair *= weight
            total += pair
    return result
