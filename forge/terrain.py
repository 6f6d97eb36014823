"""Land: the shapes of each landscape, from far to near."""

import math
from dataclasses import dataclass
from random import Random

from forge.shapes import Color, Point, Shape, mix

_DARK = (0.12, 0.06, 0.16)


@dataclass(frozen=True)
class Paint:
    """The colours that one scene's land is made of, all under its light, and where its horizon lies."""

    near: Color
    deep: Color
    rock: Color
    snow: Color
    air: Color
    horizon: float
    alien: bool

    def far(self, color: Color, depth: float) -> Color:
        """Return a colour seen through air: depth 0 is near, 1 is the sky's foot."""
        return mix(color, self.air, depth)


def _ground(paint: Paint, y: float, depth: float) -> Shape:
    """The plain below the horizon, paler where it is far off."""
    return Shape(((0, y), (1, y), (1, 1), (0, 1)), paint.far(paint.near, depth), paint.deep)


def _wave(rng: Random, y: float, height: float, waves: float) -> tuple[Point, ...]:
    """A smooth line from left to right around `y`, as the upper edge of a polygon that ends at the lower border."""
    phase, second = rng.uniform(0, math.tau), rng.uniform(0, math.tau)
    line = []
    for i in range(33):
        x = i / 32
        lift = math.sin(phase + math.tau * waves * x) + 0.35 * math.sin(second + math.tau * 2.1 * waves * x)
        line.append((x, y - height * lift))
    return (*line, (1, 1), (0, 1))


def _band(rng: Random, top: Color, bottom: Color, y: float, height: float, waves: float) -> Shape:
    return Shape(_wave(rng, y, height, waves), top, bottom)


def _mesa(x: float, foot: float, width: float, height: float, slope: float) -> tuple[Point, ...]:
    """A flat-topped rock on a wider foot, with one step in its flank."""
    half = width / 2
    step = foot - 0.38 * height
    return (
        (x - half - slope, foot), (x - half, step), (x - half + 0.012, foot - height), (x + half - 0.012, foot - height),
        (x + half, step), (x + half + slope, foot),
    )  # fmt: skip


def _spire(x: float, foot: float, width: float, height: float, lean: float) -> tuple[Point, ...]:
    """A pointed rock that leans a little."""
    half = width / 2
    return ((x - half, foot), (x - half * 0.55 + lean * 0.5, foot - 0.55 * height), (x + lean, foot - height),
            (x + half * 0.5 + lean * 0.5, foot - 0.5 * height), (x + half, foot))  # fmt: skip


def _right_part(points: tuple[Point, ...], x: float) -> tuple[Point, ...]:
    """The part of a rock's outline right of `x`: the face in shade."""
    clipped = [(max(px, x), py) for px, py in points]
    return tuple(clipped)


def _row_of_rocks(rng: Random, paint: Paint, foot: float, depth: float, tall: float, count: int) -> list[Shape]:
    """Mesas, or spires on an alien world, standing side by side with gaps; each has a lit and a shaded face."""
    shapes = []
    lit, shade = paint.far(mix(paint.rock, paint.near, 0.3), depth), paint.far(mix(paint.rock, _DARK, 0.25), depth)
    for i in range(count):
        x = (i + rng.uniform(0.2, 0.8)) / count
        height = tall * rng.uniform(0.6, 1.0)
        if paint.alien and rng.random() < 0.65:
            lean = rng.uniform(-0.02, 0.02)
            outline = _spire(x, foot + 0.01, rng.uniform(0.09, 0.14), height * 1.5, lean)
            edge = x + lean
        else:
            outline = _mesa(x, foot + 0.01, rng.uniform(0.10, 0.22), height, rng.uniform(0.02, 0.05))
            edge = x + rng.uniform(0.0, 0.02)
        shapes.append(Shape(outline, lit, paint.far(lit, 0.25)))
        shapes.append(Shape(_right_part(outline, edge), shade, paint.far(shade, 0.25)))
    return shapes


def _desert(rng: Random, paint: Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = [_band(rng, paint.far(paint.rock, 0.62), paint.far(paint.rock, 0.62), y - 0.02, 0.012, 1.2)]
    if rocks:
        shapes += _row_of_rocks(rng, paint, y, 0.42, 0.15, rng.choice((3, 4)))
        shapes += _row_of_rocks(rng, paint, y + 0.01, 0.12, 0.22, rng.choice((1, 2, 2)))
    shapes += [_ground(paint, y, 0.35)]
    shapes += [_band(rng, mix(paint.near, paint.deep, 0.45), paint.deep, y + 0.15, 0.018, 0.8)]
    shapes += [_band(rng, mix(paint.deep, _DARK, 0.12), mix(paint.deep, _DARK, 0.3), 0.92, 0.025, 0.7)]
    return tuple(shapes)


def _dunes(rng: Random, paint: Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = _row_of_rocks(rng, paint, y, 0.35, 0.16, 3) if rocks else []
    for step, (depth, amplitude) in enumerate(((0.4, 0.025), (0.2, 0.04), (0.08, 0.045), (0.0, 0.05))):
        crest = paint.far(mix(paint.near, (1, 1, 0.9), 0.12 * (step % 2)), depth)
        shapes += [_band(rng, crest, mix(crest, paint.deep, 0.95), y + 0.12 * step, amplitude, rng.uniform(0.5, 1.0))]
    return tuple(shapes)


def _meadow(rng: Random, paint: Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    blue = paint.far(paint.rock, 0.55)
    shapes = [_band(rng, blue, paint.far(blue, 0.3), y - 0.05, 0.035, 1.1)]
    for step, depth in enumerate((0.35, 0.15, 0.0)):
        top = paint.far(mix(paint.near, paint.deep, 0.3 * step), depth)
        shapes += [_band(rng, top, mix(top, paint.deep, 0.6), y + 0.02 + 0.13 * step, 0.03, rng.uniform(0.5, 0.9))]
    return tuple(shapes)


def _sea(rng: Random, paint: Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = _row_of_rocks(rng, paint, y, 0.3, 0.16, 2) if rocks else []
    if not rocks and rng.random() < 0.5:
        x, half = rng.uniform(0.2, 0.8), rng.uniform(0.12, 0.25)
        island = tuple(
            (x + half * math.cos(math.pi * (1 - i / 8)), y - 0.07 * math.sin(math.pi * i / 8)) for i in range(9)
        )
        shapes += [Shape(island, paint.far(paint.rock, 0.35), paint.far(paint.rock, 0.5))]
    return (*shapes, _ground(paint, y, 0.45))


def _mountains(rng: Random, paint: Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = []
    for depth, tall, count in ((0.5, 0.22, 4), (0.15, 0.32, 3)):
        for i in range(count):
            x = (i + rng.uniform(0.15, 0.85)) / count
            height, half = tall * rng.uniform(0.75, 1.0), rng.uniform(0.15, 0.22)
            peak, crest = (x, y - height), rng.uniform(-0.03, 0.03)
            rock, snow = paint.far(paint.rock, depth), paint.far(paint.snow, depth * 0.6)
            shapes += [Shape(((x - half, y + 0.01), peak, (x + half, y + 0.01)), rock, paint.far(rock, 0.3))]
            edge = y - 0.5 * height
            cap = ((x - half * 0.5, edge), peak, (x + half * 0.5, edge), (x + half * 0.2, edge - 0.03), (x, edge + 0.03),
                   (x - half * 0.25, edge - 0.03))  # fmt: skip
            shapes += [Shape(cap, snow, snow)]
            shade = (peak, (x + half, y + 0.01), (x + crest, y + 0.01))
            shapes += [Shape(shade, mix(snow, rock, 0.5), mix(rock, (0.05, 0.08, 0.2), 0.25))]
    shapes += [_ground(paint, y, 0.2), _band(rng, mix(paint.near, paint.deep, 0.5), paint.deep, y + 0.16, 0.03, 0.7)]
    return tuple(shapes)


def _forest(rng: Random, paint: Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = [_band(rng, paint.far(paint.rock, 0.6), paint.far(paint.rock, 0.65), y - 0.10, 0.03, 1.0)]
    for depth, foot, tall, count in ((0.42, y, 0.17, 13), (0.12, y + 0.03, 0.26, 9)):
        color = paint.far(paint.rock, depth)
        shapes += [_band(rng, color, color, foot - 0.03, 0.008, 1.0)]
        for i in range(count):
            x = (i + rng.uniform(0.3, 0.7)) / count
            height, half = tall * rng.uniform(0.7, 1.0), 0.42 / count
            shapes += [Shape(((x - half, foot), (x, foot - height), (x + half, foot)), color, color)]
    shapes += [_band(rng, paint.near, paint.deep, y + 0.05, 0.012, 0.8)]
    shapes += [_band(rng, mix(paint.near, paint.deep, 0.6), paint.deep, y + 0.2, 0.025, 0.7)]
    return tuple(shapes)


LAND = {"desert": _desert, "dunes": _dunes, "meadow": _meadow, "sea": _sea, "mountains": _mountains, "forest": _forest}
