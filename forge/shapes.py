"""Colours and filled shapes, what scenes are made of."""

from dataclasses import dataclass

Color = tuple[float, float, float]
"""Red, green and blue from 0 to 1."""

Point = tuple[float, float]
"""x and y, as shares of the canvas's width and height."""


@dataclass(frozen=True)
class Shape:
    """A filled polygon. Its colour runs from `top` at the highest point to `bottom` at the lowest one."""

    points: tuple[Point, ...]
    top: Color
    bottom: Color


def rgb(code: str) -> Color:
    """Return the colour that six hexadecimal digits write."""
    return tuple(int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))


def mix(a: Color, b: Color, share: float) -> Color:
    """Return `a` with `share` (0 to 1) of `b` in it."""
    return tuple(x + (y - x) * share for x, y in zip(a, b, strict=True))


def tint(color: Color, light: Color) -> Color:
    """Return a surface's colour as it looks under a light."""
    return tuple(x * y for x, y in zip(color, light, strict=True))
