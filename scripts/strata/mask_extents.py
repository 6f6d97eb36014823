"""How far a mask can reach, from its description alone: what the DAG needs before anything is drawn."""

from math import ceil, floor
from typing import NamedTuple

from strata.passes import Mask, Shape


class Box(NamedTuple):
    """Left, top (inside) and right, bottom (outside)."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, margin: float) -> "Box":
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def moved(self, x: float, y: float) -> "Box":
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def meets(self, other: "Box") -> bool:
        """Whether the two share some area."""
        return max(self.left, other.left) < min(self.right, other.right) and max(self.top, other.top) < min(
            self.bottom, other.bottom
        )


def shape_box(shape: Shape) -> Box | None:
    """The box round one shape in canvas pixels; None for a linear gradient, which has no end."""
    match shape["shape"]:
        case "linear_gradient":
            return None
        case "radial_gradient":
            (x, y), radius = shape["center"], shape["radius"]
            return Box(x - radius, y - radius, x + radius, y + radius)
        case "polygon":
            xs, ys = zip(*shape["points"], strict=True)
            return Box(min(xs), min(ys), max(xs), max(ys))
    return Box(*shape["bbox"])


def mask_box(mask: Mask, canvas: Box, scale: float, layer: Box | None = None) -> Box:
    """A box in canvas pixels outside of which the drawn mask is black for certain.

    The whole canvas for an image, a text, an inverted mask and a linear gradient. Else the shapes' boxes and the layer's, grown as
    the mask is, by three times the feather and three rendered pixels (the reach of its blur; `scale` of them to a canvas
    pixel), and rounded outwards.

    Args:
        layer: the box outside of which the mask's layer is transparent. Mirrored within itself it is the same.
    """
    boxes = [shape_box(shape) for shape in mask["shapes"] or ()]
    if layer is not None:
        # Where it is moved to is rounded to rendered pixels.
        boxes.append(layer.moved(*mask["offset"]).grown(1 / scale))
    ends = [box for box in boxes if box is not None]
    unknown = mask["image"] is not None or mask["text"] is not None
    if mask["invert"] or unknown or not ends or len(ends) < len(boxes):
        return canvas
    lefts, tops, rights, bottoms = zip(*ends, strict=True)
    reach = Box(min(lefts), min(tops), max(rights), max(bottoms)).grown(
        max(mask["grow"], 0) + 3 * mask["feather"] + 3 / scale
    )
    return Box(floor(reach.left), floor(reach.top), ceil(reach.right), ceil(reach.bottom))
