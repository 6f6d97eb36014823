"""How far a mask can reach, told from its description alone: what the DAG needs before anything is drawn."""

from collections.abc import Mapping
from math import ceil, floor
from typing import NamedTuple


class Box(NamedTuple):
    """Left, top (inside) and right, bottom (outside)."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, margin: float) -> "Box":
        return Box(self.left - margin, self.top - margin, self.right + margin, self.bottom + margin)

    def meets(self, other: "Box") -> bool:
        """Whether the two share some area."""
        return max(self.left, other.left) < min(self.right, other.right) and max(self.top, other.top) < min(
            self.bottom, other.bottom
        )


def shape_box(shape: Mapping) -> Box | None:
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


def mask_box(mask: Mapping, canvas: Box, scale: float) -> Box:
    """A box in canvas pixels outside of which the drawn mask is black for certain.

    The whole canvas for an image, an inverted mask and a linear gradient. Else the shapes' boxes, grown as the mask is,
    by twice the feather (the reach of its blur) and by two rendered pixels (`scale` of them to a canvas pixel), and
    rounded outwards.
    """
    boxes = [shape_box(shape) for shape in mask["shapes"] or ()]
    if mask["invert"] or not boxes or None in boxes:
        return canvas
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    reach = Box(min(lefts), min(tops), max(rights), max(bottoms)).grown(
        max(mask["grow"], 0) + 2 * mask["feather"] + 2 / scale
    )
    return Box(floor(reach.left), floor(reach.top), ceil(reach.right), ceil(reach.bottom))
