"""Subjects as data, and where they stand in a mask.

A subject is a list of parts, each a polygon in the subject's own box: x from 0 (left) to 1, y from 0 (top) to 1. Its place is
decided by the mask alone, so that a model which sees the mask knows where everything goes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forge.drawing import coverage
from forge.scenes import Scene
from forge.shapes import Color, Point, mix, rgb, tint

Box = tuple[float, float, float, float]

COLORS: dict[str, Color] = {
    "white": rgb("eeeae0"),
    "rusted": rgb("94482a"),
    "red": rgb("c42c30"),
    "blue": rgb("2c60c0"),
    "green": rgb("3c8c3c"),
    "gold": rgb("e4b428"),
    "grey": rgb("8a929c"),
}
_LIGHT = {
    "golden hour": rgb("ffe4bc"),
    "dawn": rgb("f4e4f0"),
    "noon": rgb("ffffff"),
    "dusk": rgb("c09cb8"),
    "night": rgb("7890c4"),
    "overcast": rgb("c8d0d8"),
}
_INK, _GLASS, _SHINE, _GLOW, _BARK = rgb("24222e"), rgb("1e2c48"), rgb("a8d8f0"), rgb("7ce8ff"), rgb("6c4428")


@dataclass(frozen=True)
class Part:
    """One flat piece of a subject. A shadow darkens what lies under it."""

    points: tuple[Point, ...]
    color: Color
    opacity: float = 1.0


@dataclass(frozen=True)
class Kind:
    """What a subject looks like: its natural shape (width over height) and its parts for a given body colour."""

    aspect: float
    parts: Callable[[Color], list[Part]]


def _oval(x: float, y: float, rx: float, ry: float, start: float = 0, end: float = 360) -> tuple[Point, ...]:
    angles = [math.radians(start + (end - start) * i / 24) for i in range(25)]
    return tuple((x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles)


def _block(left: float, top: float, right: float, bottom: float, cut: float = 0.0) -> tuple[Point, ...]:
    """A rectangle with corners cut off by `cut`."""
    c = cut
    return ((left + c, top), (right - c, top), (right, top + c), (right, bottom - c), (right - c, bottom),
            (left + c, bottom), (left, bottom - c), (left, top + c))  # fmt: skip


def _tones(color: Color) -> tuple[Color, Color, Color]:
    """The lit, the plain and the shaded tone of a colour."""
    return mix(color, (1, 1, 1), 0.25), color, mix(color, _INK, 0.42)


def _shadow(half: float) -> Part:
    return Part(_oval(0.5, 0.965, half, 0.035), _INK, 0.45)


def _astronaut(color: Color) -> list[Part]:
    lit, base, shade = _tones(color)
    return [
        _shadow(0.38),
        Part(_block(0.20, 0.27, 0.80, 0.58, 0.05), mix(shade, _INK, 0.35)),  # backpack
        Part(_block(0.28, 0.58, 0.48, 0.93, 0.03), base),
        Part(_block(0.52, 0.58, 0.72, 0.93, 0.03), shade),
        Part(_block(0.23, 0.90, 0.485, 0.975, 0.02), _INK),
        Part(_block(0.515, 0.90, 0.77, 0.975, 0.02), _INK),
        Part(((0.27, 0.31), (0.10, 0.36), (0.04, 0.60), (0.17, 0.62), (0.30, 0.45)), lit),
        Part(((0.73, 0.31), (0.90, 0.36), (0.96, 0.60), (0.83, 0.62), (0.70, 0.45)), shade),
        Part(_oval(0.105, 0.625, 0.075, 0.035), _INK),
        Part(_oval(0.895, 0.625, 0.075, 0.035), _INK),
        Part(_block(0.25, 0.28, 0.75, 0.65, 0.06), lit),
        Part(((0.52, 0.28), (0.69, 0.28), (0.75, 0.34), (0.75, 0.59), (0.69, 0.65), (0.52, 0.65)), base),
        Part(_block(0.36, 0.43, 0.64, 0.53, 0.01), shade),
        Part(_oval(0.5, 0.155, 0.32, 0.155), lit),
        Part(_oval(0.5, 0.155, 0.32, 0.155, -80, 80), base),
        Part(_oval(0.5, 0.165, 0.235, 0.10), _GLASS),
        Part(_oval(0.42, 0.135, 0.09, 0.035), _SHINE),
    ]


def _hover_vehicle(color: Color) -> list[Part]:
    lit, base, shade = _tones(color)
    return [
        Part(_oval(0.5, 0.945, 0.44, 0.05), _INK, 0.5),
        Part(_oval(0.5, 0.79, 0.36, 0.09), _GLOW, 0.75),
        Part(((0.02, 0.08), (0.14, 0.08), (0.30, 0.40), (0.04, 0.46)), shade),  # tail fin
        Part(_oval(0.56, 0.35, 0.27, 0.27, 180, 360), _GLASS),
        Part(_oval(0.60, 0.33, 0.17, 0.17, 200, 300), _SHINE),
        Part(((0.0, 0.40), (0.12, 0.33), (0.82, 0.33), (0.98, 0.46), (1.0, 0.56), (0.0, 0.56)), lit),
        Part(((0.0, 0.52), (1.0, 0.52), (0.92, 0.70), (0.80, 0.75), (0.14, 0.75), (0.02, 0.64)), shade),
        Part(_block(0.0, 0.47, 1.0, 0.58, 0.03), base),
        Part(_oval(0.22, 0.76, 0.12, 0.075), _INK),
        Part(_oval(0.76, 0.76, 0.12, 0.075), _INK),
        Part(_oval(0.22, 0.785, 0.075, 0.04), _GLOW),
        Part(_oval(0.76, 0.785, 0.075, 0.04), _GLOW),
    ]


def _robot(color: Color) -> list[Part]:
    lit, base, shade = _tones(color)
    return [
        _shadow(0.42),
        Part(_block(0.47, 0.0, 0.53, 0.08), shade),
        Part(_oval(0.5, 0.025, 0.06, 0.028), rgb("ff5040")),
        Part(_block(0.27, 0.65, 0.45, 0.96), shade),
        Part(_block(0.55, 0.65, 0.73, 0.96), mix(shade, _INK, 0.3)),
        Part(_block(0.20, 0.91, 0.48, 0.975), _INK),
        Part(_block(0.52, 0.91, 0.80, 0.975), _INK),
        Part(_block(0.03, 0.34, 0.17, 0.66, 0.03), base),
        Part(_block(0.83, 0.34, 0.97, 0.66, 0.03), shade),
        Part(_block(0.18, 0.32, 0.82, 0.68, 0.03), lit),
        Part(_block(0.54, 0.32, 0.82, 0.68, 0.03), base),
        Part(_block(0.32, 0.42, 0.68, 0.56, 0.02), _GLASS),
        Part(_oval(0.5, 0.49, 0.08, 0.04), _GLOW),
        Part(_block(0.23, 0.06, 0.77, 0.29, 0.04), base),
        Part(_block(0.54, 0.06, 0.77, 0.29, 0.04), shade),
        Part(_oval(0.37, 0.165, 0.09, 0.05), _GLOW),
        Part(_oval(0.63, 0.165, 0.09, 0.05), _GLOW),
    ]


def _rocket(color: Color) -> list[Part]:
    lit, base, shade = _tones(color)
    body = ((0.5, 0.0), (0.64, 0.10), (0.73, 0.26), (0.75, 0.50), (0.70, 0.84), (0.30, 0.84), (0.25, 0.50), (0.27, 0.26),
            (0.36, 0.10))  # fmt: skip
    nose = ((0.5, 0.0), (0.64, 0.10), (0.715, 0.22), (0.285, 0.22), (0.36, 0.10))
    return [
        _shadow(0.48),
        Part(((0.27, 0.55), (0.04, 0.78), (0.02, 0.96), (0.31, 0.84)), base),
        Part(((0.73, 0.55), (0.96, 0.78), (0.98, 0.96), (0.69, 0.84)), shade),
        Part(_block(0.36, 0.82, 0.64, 0.92, 0.02), _INK),
        Part(body, rgb("f0eee8")),
        Part(((0.5, 0.0), *body[1:5], (0.5, 0.84)), rgb("b4b8c4")),
        Part(nose, lit),
        Part(((0.5, 0.0), (0.64, 0.10), (0.715, 0.22), (0.5, 0.22)), base),
        Part(_block(0.27, 0.66, 0.73, 0.74), base),
        Part(_oval(0.5, 0.40, 0.15, 0.075), _INK),
        Part(_oval(0.5, 0.40, 0.10, 0.05), _SHINE),
    ]


def _castle(color: Color) -> list[Part]:
    lit, base, shade = _tones(color)
    stone, dark, window = rgb("b8b0a8"), rgb("807a80"), rgb("ffe08c")
    parts = [_shadow(0.49), Part(_block(0.14, 0.52, 0.86, 0.96), stone), Part(_block(0.5, 0.52, 0.86, 0.96), dark)]
    for x, half, top in ((0.5, 0.13, 0.26), (0.15, 0.12, 0.38), (0.85, 0.12, 0.38)):
        parts += [
            Part(_block(x - half, top, x + half, 0.96), stone),
            Part(_block(x, top, x + half, 0.96), dark),
            Part(((x - half - 0.03, top), (x, top - 0.25), (x + half + 0.03, top)), lit),
            Part(((x, top), (x, top - 0.25), (x + half + 0.03, top)), base),
            Part(_oval(x, top + 0.14, 0.04, 0.05), window),
        ]
    gate = (*_oval(0.5, 0.78, 0.09, 0.09, 180, 360), (0.59, 0.96), (0.41, 0.96))
    return [*parts, Part(gate, mix(shade, _INK, 0.6))]


def _tree(color: Color) -> list[Part]:
    lit, base, shade = _tones(color)
    return [
        _shadow(0.40),
        Part(((0.43, 0.55), (0.57, 0.55), (0.60, 0.90), (0.66, 0.965), (0.34, 0.965), (0.40, 0.90)), _BARK),
        Part(((0.50, 0.55), (0.57, 0.55), (0.60, 0.90), (0.66, 0.965), (0.52, 0.965)), mix(_BARK, _INK, 0.4)),
        Part(_oval(0.5, 0.50, 0.42, 0.20), shade),
        Part(_oval(0.28, 0.40, 0.26, 0.22), base),
        Part(_oval(0.72, 0.42, 0.26, 0.22), shade),
        Part(_oval(0.5, 0.24, 0.32, 0.24), base),
        Part(_oval(0.40, 0.20, 0.20, 0.14), lit),
    ]


KINDS: dict[str, Kind] = {
    "astronaut": Kind(0.52, _astronaut),
    "hover vehicle": Kind(1.15, _hover_vehicle),
    "robot": Kind(0.60, _robot),
    "rocket": Kind(0.50, _rocket),
    "castle": Kind(1.05, _castle),
    "tree": Kind(0.85, _tree),
}


def silhouette(kind: str, box: Box, width: int, height: int) -> np.ndarray:
    """Return how much of each pixel a subject in `box` covers: (height, width), 0 to 1. Boxes are shares of the canvas."""
    solid = [part.points for part in KINDS[kind].parts(COLORS["grey"]) if part.opacity == 1.0]
    rows, columns, local = _window(box, width, height)
    shape = np.zeros((height, width), np.float32)
    shape[rows, columns] = coverage([local(points) for points in solid], *_size(rows, columns))
    return shape


def place(kind: str, bounds: Box, inside: np.ndarray) -> Box:
    """Return the box in which a subject fills a mask.

    `bounds` (left, top, right, bottom, shares of the canvas) is the box round the mask's shape, `inside` the mask itself, a
    boolean array of the canvas's proportions. The subject keeps within two thirds and one and a half times its natural shape,
    stands at the foot of the bounds, and shrinks towards their middle until it is inside the mask.
    """
    height, width = inside.shape
    left, top, right, bottom = bounds
    inset_x, inset_y = 0.04 * (right - left), 0.03 * (bottom - top)
    full_w, full_h = right - left - 2 * inset_x, bottom - top - 2 * inset_y
    natural = KINDS[kind].aspect * height / width
    w = min(full_w, full_h * natural * 1.5)
    h = min(full_h, w / (natural * 0.667))
    x, y = (left + right) / 2, (top + bottom) / 2
    foot = bottom - inset_y - y
    for scale in (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65):
        box = (x - w * scale / 2, y + foot * scale - h * scale, x + w * scale / 2, y + foot * scale)
        shape = silhouette(kind, box, width, height)
        if shape[inside].sum() > 0.985 * shape.sum():
            break
    return box


def paint(picture: np.ndarray, kind: str, color: str, box: Box, scene: Scene) -> np.ndarray:
    """Return a picture (height, width, 3) with a subject painted into it, in the light of the scene."""
    height, width = picture.shape[:2]
    painted = picture.copy()
    rows, columns, local = _window(box, width, height)
    region, size = painted[rows, columns], _size(rows, columns)
    for part in KINDS[kind].parts(COLORS[color]):
        tone = part.color if part.color == _GLOW else mix(part.color, tint(part.color, _LIGHT[scene.time]), 0.85)
        share = coverage([local(part.points)], *size)[..., None] * part.opacity
        region += (np.asarray(tone, np.float32) - region) * share
    return painted


def _window(box: Box, width: int, height: int) -> tuple[slice, slice, Callable[[tuple[Point, ...]], tuple[Point, ...]]]:
    """The rows and columns of the canvas that a box reaches, and the way from points in the box to shares of that window."""
    left, top, right, bottom = box
    x0, x1 = max(0, math.floor(left * width) - 1), min(width, math.ceil(right * width) + 1)
    y0, y1 = max(0, math.floor(top * height) - 1), min(height, math.ceil(bottom * height) + 1)

    def local(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple(
            (
                ((left + x * (right - left)) * width - x0) / (x1 - x0),
                ((top + y * (bottom - top)) * height - y0) / (y1 - y0),
            )
            for x, y in points
        )

    return slice(y0, y1), slice(x0, x1), local


def _size(rows: slice, columns: slice) -> tuple[int, int]:
    return columns.stop - columns.start, rows.stop - rows.start
