"""Masks: from shapes, an image file or a layer to a picture of where a subject goes.

A mask is an "L" image of the picture's size, 255 where the subject goes, 0 where it does not, anything between where it
fades. Descriptions are in canvas pixels; `scale` (rendered pixels per canvas pixel) renders them larger or smaller.
Coordinates are continuous: pixel (i, j) is the square from (i, j) to (i + 1, j + 1), so the bbox [0, 0, width, height]
covers a canvas exactly. Nothing here depends on threads, BLAS or the C library: the same description gives the same
bytes, which matters because a mask is part of the key under which a finished pass is stored.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from strata import mask_extents
from strata.errors import StrataError
from strata.files import ReadFile, read_file
from strata.imaging import pictures, png
from strata.imaging.arrays import Array
from strata.passes import Mask, Shape

SUBROWS = 16  # scan lines per pixel row; across a scan line coverage is exact
HALF = 128  # from here a pixel counts as masked: diffusers' pipelines binarise at 0.5
VISIBLE = 5  # 2 % of 255: below it nobody sees the subject
FULL = 250  # a mask that is nowhere darker leaves nothing of the plate

Size = tuple[int, int]
Rendered = Mapping[str, Any]
"""A shape with its lengths in rendered pixels, as arrays."""
Box = tuple[int, int, int, int]
# The left or right border of a shape: top, bottom, x at a given y (all in rendered pixels), and its winding, +1 or -1.
Edge = tuple[float, float, Callable[[Array], Array], int]


def draw(
    mask: Mask,
    size: Size,
    scale: float,
    where: str,
    read_file: ReadFile = read_file,
    layer: str | None = None,
    found: str | None = None,
) -> Image.Image:
    """The soft mask: shapes or image, united with a layer and with what a text names, then inverted, grown and feathered.

    mask   `shapes` or `image` (a path), a layer, a text, or several of them, with fit, invert, grow, feather; lengths in canvas pixels.
           A layer is white where it is opaque, mirrored as `flip` says within the box round it, then moved by `offset`.
           Shapes unite (the maximum of each pixel). Polygons fill by non-zero winding. `grow` spreads by a disc of that
           radius, below 0 it shrinks; `feather` is the standard deviation of a Gaussian blur, so that a straight edge
           fades from 98 % to 2 % between twice the feather inside and twice the feather outside.
    size   (width, height) in rendered pixels.
    scale  rendered pixels per canvas pixel.
    where  the key of the description, for sentences: "subjects.astronaut.mask".
    read_file  gives the content of an image's or a layer's file.
    layer  the file of the mask's layer, of the picture's size.
    found  the file of what its text names, white where that is, of the picture's size.

    Only what lies on the canvas is drawn. Growing and feathering treat the outside as continuing the canvas's edge: a
    shape that runs off the canvas neither shrinks nor fades at the border.

    Promise: unless `invert` is set, every pixel above 0 lies within the bounding boxes of the shapes and the layer, times
    `scale`, grown by max(grow, 0) * scale + 3 * feather * scale + 3 pixels, rounded outwards. A linear gradient's
    box is the canvas, a radial gradient's is center +- radius. (mask_extents.mask_box() relies on it.)

    Returns an "L" image. Raises StrataError for a shape that cannot be drawn, for shapes that all lie outside the
    canvas, and for an image file that cannot be read.
    """
    if mask["image"] is not None:
        soft = _from_file(mask["image"], size, mask["fit"], f"{where}.image", read_file)
    elif mask["shapes"] is not None:
        soft = _from_shapes(mask["shapes"], size, scale, f"{where}.shapes")
    else:
        soft = np.zeros((size[1], size[0]), np.uint8)
    if layer is not None:
        np.maximum(soft, _from_layer(layer, size, mask, scale, read_file), out=soft)
    if found is not None:
        np.maximum(soft, np.asarray(png.read(found, "L", size, read_file)), out=soft)
    if mask["invert"]:
        soft = 255 - soft
    grow = mask["grow"] * scale
    if grow > 0:
        soft = _dilate(soft, grow)
    elif grow < 0:
        soft = 255 - _dilate(255 - soft, -grow)
    image = Image.fromarray(soft)
    if mask["feather"] > 0:
        # Pillow's Gaussian is three box filters in integer arithmetic: the same on every machine, it continues the
        # edge, and it reaches no farther than 3 standard deviations and 3 pixels.
        image = image.filter(ImageFilter.GaussianBlur(mask["feather"] * scale))
    return image


def check(mask: Image.Image, cell: int, where: str) -> None:
    """Refuse a mask that no pass can paint.

    cell   the side of a latent cell in pixels (8 for most models): what is thinner vanishes when a pipeline resizes the
           mask to its latents. 0 where no model paints into the mask: it may be thin, and white everywhere.
    where  the key of the description, for the sentence.

    Raises StrataError if the mask is nowhere half white, is white everywhere, or holds no white square of cell x cell.
    """
    values = np.asarray(mask)
    brightest, darkest = int(values.max()), int(values.min())
    if brightest < HALF:
        raise StrataError(
            f"{where} is empty: its brightest pixel is {brightest} of 255, and a subject goes where it is at least "
            f"{HALF}. Make its shapes larger, or its image whiter, or lessen its feather or how far it shrinks (grow below 0)."
        )
    if not cell:
        return
    if darkest >= FULL:
        raise StrataError(
            f"{where} covers the whole canvas: its darkest pixel is {darkest} of 255, so nothing would be left of "
            "what lies beneath. Make it smaller, or put what it paints into the background's prompt."
        )
    if not _fits_square(values >= HALF, cell):
        raise StrataError(
            f"{where} is too thin: nowhere does a square of {cell} x {cell} rendered pixels fit into it, and one "
            "such square is the smallest thing that the model can see. Make it thicker, or grow it."
        )


def hard(mask: Image.Image, cell: int) -> Image.Image:
    """The mask for the model: where the soft mask is at least 2 %, spread by `cell` pixels in every direction.

    An inpainting pipeline binarises its mask at 0.5 and so drops the outer half of a feather, and it resizes the
    mask to latents by nearest neighbour, which moves edges by up to 7 px. Both would leave pixels inside the soft
    mask that the model was told to keep. Along a straight edge the 2 % line runs twice the feather outside the shape,
    so this covers what is visible of the feather, and one latent cell.

    mask  soft mask, "L". cell  side of a latent cell in pixels. Returns an "L" image of 0 and 255, of the same size.
    """
    return Image.fromarray(_spread(_spread(visible(mask), cell, 0), cell, 1).astype(np.uint8) * 255)


def visible(mask: Image.Image) -> Array:
    """Where a soft mask is at least 2 %, of shape (height, width)."""
    seen: Array = np.asarray(mask) >= VISIBLE
    return seen


def inner_edge(mask: Image.Image, width: int) -> Image.Image:
    """What lies just inside a soft mask: 255 where it is visible and within `width` pixels of where it is not, else 0.

    The canvas's border is no edge.
    """
    seen = visible(mask)
    return Image.fromarray((_spread(_spread(~seen, width, 0), width, 1) & seen).astype(np.uint8) * 255)


def ring(hard: Image.Image, width: int) -> Image.Image:
    """What lies round a hard mask: 255 within `width` pixels of it in every direction and outside of it, else 0."""
    masked = np.asarray(hard) > 0
    return Image.fromarray((_spread(_spread(masked, width, 0), width, 1) & ~masked).astype(np.uint8) * 255)


def edge(mask: Image.Image, width: float, feather: float) -> Image.Image:
    """What lies near the edge of a mask: where it is white within `width` pixels and black within `width` pixels, feathered.

    The difference of dilation and erosion by a disc (the morphological gradient), then a Gaussian blur of standard deviation
    `feather`. It is 0 beyond width + 3 * feather + 3 pixels of every edge. The canvas's border is no edge.
    """
    values = np.asarray(mask)
    shrunk = 255 - _dilate(255 - values, width)
    near = Image.fromarray(_dilate(values, width) - shrunk)
    return near.filter(ImageFilter.GaussianBlur(feather)) if feather > 0 else near


def window(mask: Image.Image, margin: int, cell: int) -> Box:
    """The part of the plate that a pass sees: (x0, y0, x1, y1) in pixels, x1 and y1 exclusive.

    It holds every pixel of the soft mask above 0 with `margin` pixels round them, as far as the picture goes. Then
    width and height are widened, evenly on both sides where there is room, to multiples of `cell`; where the
    picture has no such multiple left, the window takes its whole width or height.

    Raises ValueError for a mask that is 0 everywhere.
    """
    box = mask.getbbox()
    if box is None:
        raise ValueError("a mask that is 0 everywhere has no window")
    x0, x1 = _widen(box[0] - margin, box[2] + margin, mask.width, cell)
    y0, y1 = _widen(box[1] - margin, box[3] + margin, mask.height, cell)
    return x0, y0, x1, y1


def _widen(low: int, high: int, limit: int, cell: int) -> tuple[int, int]:
    low, high = max(low, 0), min(high, limit)
    length = min(-(-(high - low) // cell) * cell, limit)
    low = min(max(low - (length - (high - low)) // 2, 0), limit - length)
    return low, low + length


# Shapes: each takes one with its lengths in rendered pixels, and gives its coverage: float32 of (height, width), 0 to 1.


def _from_shapes(shapes: Sequence[Shape], size: Size, scale: float, where: str) -> Array:
    canvas = mask_extents.Box(0, 0, size[0] / scale, size[1] / scale)
    soft = np.zeros((size[1], size[0]), np.uint8)
    outside = []
    for index, shape in enumerate(shapes):
        at = f"{where}[{index}]"
        kind = shape["shape"]
        if kind not in _SHAPES:
            raise StrataError(f"{at}.shape is {kind!r}: it must be one of {', '.join(_SHAPES)}.")
        _refuse_impossible(shape, at)
        box = mask_extents.shape_box(shape) or canvas
        if box.meets(canvas):
            rendered = {key: np.multiply(value, scale) for key, value in _lengths(shape).items()}
            coverage = _SHAPES[kind](rendered, size)
            np.maximum(soft, (coverage * 255 + 0.5).astype(np.uint8), out=soft)
        else:
            outside.append("({:g}, {:g}) to ({:g}, {:g})".format(*box))
    if len(outside) == len(shapes):
        raise StrataError(
            f"{where}: all of it lies outside the canvas, from {', '.join(outside)}, where the canvas is (0, 0) to "
            f"({canvas.right:g}, {canvas.bottom:g}). Move a shape onto the canvas."
        )
    return soft


def _lengths(shape: Shape) -> dict[str, Any]:
    return {key: value for key, value in shape.items() if key != "shape"}


def _refuse_impossible(shape: Shape, at: str) -> None:
    """Raise StrataError for what a schema cannot see: YAML's .inf and .nan, and numbers that do not fit together."""
    for key, value in _lengths(shape).items():
        if not np.isfinite(value).all():
            raise StrataError(f"{at}.{key} is {value}: every number in it must be finite, in canvas pixels.")
    if "bbox" in shape:
        x0, y0, x1, y1 = shape["bbox"]
        if x0 >= x1 or y0 >= y1:
            raise StrataError(
                f"{at}.bbox is {list(shape['bbox'])}, which holds no pixel: it must be [left, top, right, bottom] "
                "in canvas pixels, with left < right and top < bottom."
            )
    elif shape["shape"] == "linear_gradient" and list(shape["start"]) == list(shape["end"]):
        raise StrataError(
            f"{at}: start and end are both {list(shape['start'])}, which gives the gradient no direction. Set them "
            "apart: it is black at start and white at end."
        )
    elif shape["shape"] == "radial_gradient" and not 0 <= shape.get("inner", 0) < shape["radius"]:
        raise StrataError(
            f"{at}: inner is {shape.get('inner', 0)} and radius {shape['radius']}, but the gradient falls from "
            "white at inner to black at radius. Set 0 <= inner < radius, in canvas pixels."
        )


def _ellipse(shape: Rendered, size: Size) -> Array:
    x0, y0, x1, y1 = shape["bbox"]

    def half_width(y: Array) -> Array:
        across = (2 * y - y0 - y1) / (y1 - y0)
        return (x1 - x0) / 2 * np.sqrt(np.maximum(1 - across * across, 0))

    middle = (x0 + x1) / 2
    return _fill([(y0, y1, lambda y: middle - half_width(y), 1), (y0, y1, lambda y: middle + half_width(y), -1)], size)


def _rounded_rectangle(shape: Rendered, size: Size) -> Array:
    x0, y0, x1, y1 = shape["bbox"]
    radius = min(shape.get("radius", 0), (x1 - x0) / 2, (y1 - y0) / 2)

    def inset(y: Array) -> Array:
        into_corner = np.maximum(np.maximum(y0 + radius - y, y - (y1 - radius)), 0)
        return radius - np.sqrt(np.maximum(radius * radius - into_corner * into_corner, 0))

    return _fill([(y0, y1, lambda y: x0 + inset(y), 1), (y0, y1, lambda y: x1 - inset(y), -1)], size)


def _polygon(shape: Rendered, size: Size) -> Array:
    return _fill(_polygon_edges(shape["points"]), size)


def _polygon_edges(points: Array) -> Iterator[Edge]:
    for (xa, ya), (xb, yb) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if ya != yb:
            yield min(ya, yb), max(ya, yb), _line(xa, ya, (xb - xa) / (yb - ya)), 1 if ya < yb else -1


def _line(x0: float, y0: float, slope: float) -> Callable[[Array], Array]:
    """x at a given y, on the line through a point; `slope` is the change of x for each y."""
    return lambda y: x0 + (y - y0) * slope


def _linear_gradient(shape: Rendered, size: Size) -> Array:
    x, y = _pixel_centres(size)
    (dx, dy), (x0, y0) = shape["end"] - shape["start"], shape["start"]
    return np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1, dtype=np.float32)


def _radial_gradient(shape: Rendered, size: Size) -> Array:
    x, y = _pixel_centres(size)
    (cx, cy), radius, inner = shape["center"], shape["radius"], shape.get("inner", 0)
    distance = np.sqrt((x - cx) ** 2 + (y - cy) ** 2)
    return np.clip((radius - distance) / (radius - inner), 0, 1, dtype=np.float32)


_SHAPES = {
    "ellipse": _ellipse,
    "rectangle": _rounded_rectangle,  # of radius 0
    "rounded_rectangle": _rounded_rectangle,
    "polygon": _polygon,
    "linear_gradient": _linear_gradient,
    "radial_gradient": _radial_gradient,
}


def _pixel_centres(size: Size) -> tuple[Array, Array]:
    """x as a row, y as a column, so that sums of them broadcast to (height, width)."""
    return np.arange(size[0])[None, :] + 0.5, np.arange(size[1])[:, None] + 0.5


def _fill(edges: Iterable[Edge], size: Size) -> Array:
    """How much of each pixel the area between the edges covers.

    Along a scan line, coverage is a running sum over the edges met so far: an edge at x = 3.25 adds 0.75 at pixel 3
    and the remaining 0.25 at pixel 4. So each edge leaves two numbers a scan line, and one cumulative sum per
    picture does the rest: no supersampled picture is ever held.
    """
    width, height = size
    steps = np.zeros((height, width + 2), np.float32)
    for top, bottom, x_at, winding in edges:
        first, last = max(math.floor(top * SUBROWS), 0), min(math.ceil(bottom * SUBROWS), height * SUBROWS)
        line = np.arange(first, max(first, last))
        # The first and last scan line may be met in part: weight them, and look at the middle of what is met.
        begin, end = np.maximum(line / SUBROWS, top), np.minimum((line + 1) / SUBROWS, bottom)
        x = np.clip(x_at((begin + end) / 2), 0, width)
        column = np.floor(x).astype(np.intp)
        right = (x - column) * (end - begin) * winding
        np.add.at(steps, (line // SUBROWS, column), (end - begin) * winding - right)
        np.add.at(steps, (line // SUBROWS, column + 1), right)
    coverage = np.cumsum(steps[:, :width], axis=1)
    return np.minimum(np.abs(coverage, out=coverage), 1, out=coverage)


# Image files.


def _from_file(path: str, size: Size, fit: str, where: str, read_file: ReadFile) -> Array:
    image = _single_channel(pictures.read(path, where, "draw shapes", read_file))
    return np.array(pictures.fit(image, size, fit))


def _from_layer(path: str, size: Size, mask: Mask, scale: float, read_file: ReadFile) -> Array:
    """Where a layer is opaque, mirrored and moved. What is moved off the canvas is lost."""
    alpha = png.read(path, "RGBA", size, read_file).getchannel("A")
    moved = Image.new("L", size)
    if box := alpha.getbbox():
        seen = alpha.crop(box)
        if mask["flip"] != "none":
            seen = (ImageOps.flip if mask["flip"] == "vertical" else ImageOps.mirror)(seen)
        x, y = (math.floor(length * scale + 0.5) for length in mask["offset"])
        moved.paste(seen, (box[0] + x, box[1] + y))
    return np.array(moved)


def _single_channel(image: Image.Image) -> Image.Image:
    """The alpha channel if any of it is transparent, else the luminance: "L"."""
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        if (np.asarray(alpha) < 255).any():
            return alpha
        image = image.convert("RGB")
    return image.convert("L")


# Morphology, on arrays of (height, width).


def _dilate(values: Array, radius: float) -> Array:
    """Grey dilation by a disc: each value becomes the largest within `radius` pixels; outside of the picture lies 0.

    The rows of a disc widen towards its middle, so one horizontal maximum is widened step by step and used at every
    height of the disc on its way: 4 * radius passes instead of an area of them.
    """
    height, width = values.shape
    reach = min(int(radius), max(height, width))
    padded = np.pad(values, reach)
    rows = padded[:, reach : reach + width].copy()
    grown = values.copy()
    half = 0
    for dy in range(reach, -1, -1):
        while half < min(int(math.sqrt(radius * radius - dy * dy)), reach):
            half += 1
            np.maximum(rows, padded[:, reach - half : reach - half + width], out=rows)
            np.maximum(rows, padded[:, reach + half : reach + half + width], out=rows)
        for shift in (reach - dy, reach + dy):
            np.maximum(grown, rows[shift : shift + height], out=grown)
    return grown


def _spread(flags: Array, distance: int, axis: int) -> Array:
    """True wherever a flag within `distance` pixels along the axis is true."""
    rows = np.moveaxis(flags, axis, 0)
    spread = rows.copy(order="K")
    for shift in range(1, min(distance, len(rows) - 1) + 1):
        spread[shift:] |= rows[:-shift]
        spread[:-shift] |= rows[shift:]
    return np.moveaxis(spread, 0, axis)


def _fits_square(flags: Array, side: int) -> bool:
    """Whether a square of side x side pixels lies wholly on true flags."""
    if side > min(flags.shape):
        return False
    height, width = flags.shape
    rows = flags[: height - side + 1].copy()
    for shift in range(1, side):
        rows &= flags[shift : height - side + 1 + shift]
    squares = rows[:, : width - side + 1].copy()
    for shift in range(1, side):
        squares &= rows[:, shift : width - side + 1 + shift]
    return bool(squares.any())
