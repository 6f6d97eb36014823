"""Scenes as data: what a picture shows, drawn at random from a seed.

Every length is a share of the canvas's height and every position a share of its width (x, rightwards) and height (y,
downwards), so that one scene can be drawn at any size. Colours are RGB triples from 0 to 1.
"""

import hashlib
import math
from dataclasses import dataclass
from random import Random

Color = tuple[float, float, float]
Point = tuple[float, float]

TIMES = ("golden hour", "dawn", "noon", "dusk", "night", "overcast")
LANDSCAPES = ("desert", "dunes", "meadow", "sea", "mountains", "forest")
LIGHTS = ("no sun", "one sun", "two suns", "moon")
ALIEN_LANDSCAPES = ("desert", "dunes", "mountains", "sea")


@dataclass(frozen=True)
class Disc:
    """A sun or a moon: its centre, radius and glow, which reaches `glow` heights far."""

    center: Point
    radius: float
    color: Color
    glow: float


@dataclass(frozen=True)
class Shape:
    """A filled polygon. Its colour runs from `top` at the highest point to `bottom` at the lowest one."""

    points: tuple[Point, ...]
    top: Color
    bottom: Color


@dataclass(frozen=True)
class Cloud:
    """A soft lens of vapour."""

    center: Point
    size: Point
    color: Color
    opacity: float


@dataclass(frozen=True)
class Scene:
    """A landscape: what it is called, and what is drawn from back to front."""

    time: str
    landscape: str
    light: str
    alien: bool
    rocks: bool
    sky: tuple[Color, Color, Color]
    horizon: float
    discs: tuple[Disc, ...]
    clouds: tuple[Cloud, ...]
    shapes: tuple[Shape, ...]
    haze: float
    haze_color: Color
    reflection: Color | None

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts of the vocabulary that this scene shows."""
        names = [self.time, self.landscape]
        names += ["alien"] * self.alien + ["rocks"] * self.rocks
        names += [] if self.light == "no sun" else [self.light]
        names += ["clouds"] if self.clouds else ["clear sky"]
        names += ["haze"] * (self.haze > 0.4)
        return tuple(names)


@dataclass(frozen=True)
class Fog:
    """A picture of nothing but fog: a coarse grid of densities from 0 to 1, and beams of light through it."""

    time: str
    dark: Color
    bright: Color
    grid: tuple[tuple[float, ...], ...]
    beams: tuple[tuple[float, float], ...]  # angle from the source, width; both in radians
    source: Point

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts of the vocabulary that this picture shows."""
        names = ["fog"] + ["beams"] * bool(self.beams)
        return tuple(names + [self.time] * (self.time != "noon"))


def rgb(code: str) -> Color:
    """Return the colour that six hexadecimal digits write."""
    return tuple(int(code[i : i + 2], 16) / 255 for i in (0, 2, 4))


def mix(a: Color, b: Color, share: float) -> Color:
    """Return `a` with `share` (0 to 1) of `b` in it."""
    return tuple(x + (y - x) * share for x, y in zip(a, b, strict=True))


def tint(color: Color, light: Color) -> Color:
    """Return a surface's colour as it looks under a light."""
    return tuple(x * y for x, y in zip(color, light, strict=True))


# top, middle and foot of the sky, light on the land, sun or moon
_TIMES: dict[str, tuple[str, str, str, str, str]] = {
    "golden hour": ("6a6c9c", "f0a468", "ffd98e", "fff0cc", "fffbe6"),
    "dawn": ("84b4e4", "f3bfd0", "ffe6d0", "f4e4f0", "fff6ee"),
    "noon": ("2a78d4", "78bcf2", "d2eefc", "ffffff", "ffffe8"),
    "dusk": ("2c2266", "a03c80", "ff8058", "b98ba8", "ffd8a0"),
    "night": ("060c26", "12244e", "2e4a7a", "42588c", "f0f4ff"),
    "overcast": ("87929e", "aeb8c0", "d4dadc", "c4ccd4", "eef0f0"),
}
_GROUND = {
    "desert": ("e0904c", "b4582c"),
    "dunes": ("f0c078", "c88444"),
    "meadow": ("a0c850", "4c8a34"),
    "sea": ("58a0b8", "14507c"),
    "mountains": ("dce8f0", "98b4cc"),
    "forest": ("7ca858", "2c5c38"),
}
_ROCK = {
    "desert": "a84c2c",
    "dunes": "b87040",
    "meadow": "6c8c6c",
    "sea": "5c6c74",
    "mountains": "6c7c98",
    "forest": "386848",
}
_DARK = (0.12, 0.06, 0.16)
_ALIEN_GROUND = (("d0604c", "8c2c44"), ("b0609c", "5c2c6c"), ("e08058", "a03c50"))
_ALIEN_ROCK = ("842c48", "502868", "8c3038")


def held_out(time: str, landscape: str, light: str) -> bool:
    """Tell whether a combination is kept for the evaluation, and so is never drawn for training (about one in eight)."""
    if (time, landscape) == ("golden hour", "desert"):
        return False
    digest = hashlib.sha256(f"{time}/{landscape}/{light}".encode()).digest()
    return digest[0] < 32


def lights_of(time: str) -> tuple[str, ...]:
    """Return what can stand in the sky at a time of day."""
    return {"night": ("moon", "moon", "no sun"), "overcast": ("no sun",)}.get(time, ("no sun", "one sun", "two suns"))


def random_scene(seed: int, *, hold_out: bool = True) -> Scene:
    """Draw a landscape at random; the same seed gives the same scene. `hold_out` leaves out the evaluation's combinations."""
    rng = Random(f"scene {seed}")
    while True:
        time, landscape = rng.choice(TIMES), rng.choice(LANDSCAPES)
        if rng.random() < 0.12:
            time, landscape = "golden hour", "desert"
        light = rng.choice(lights_of(time))
        if not (hold_out and held_out(time, landscape, light)):
            break
    alien = landscape in ALIEN_LANDSCAPES and rng.random() < 0.35
    return compose(rng, time, landscape, light, alien)


def compose(rng: Random, time: str, landscape: str, light: str, alien: bool) -> Scene:
    """Lay out a scene of the given kind, its details drawn from `rng`."""
    top, middle, foot, lit, lamp = map(rgb, _TIMES[time])
    if alien and rng.random() < 0.5:
        top = mix(top, rgb(rng.choice(("5c2c7c", "1c6c74"))), 0.5)
    middle = mix(middle, top, rng.uniform(0, 0.25))
    horizon = rng.uniform(0.56, 0.68)
    discs = _discs(rng, time, light, lamp, horizon)
    clouds = _clouds(rng, time, mix(foot, (1, 1, 1), 0.35), horizon)
    near, deep = map(rgb, rng.choice(_ALIEN_GROUND) if alien else _GROUND[landscape])
    if alien and landscape == "sea":
        near, deep = rgb("58b89c"), rgb("145c60")
    rock = rgb(rng.choice(_ALIEN_ROCK) if alien else _ROCK[landscape])
    paint = _Paint(
        tint(near, lit), tint(deep, lit), tint(rock, lit), tint((0.95, 0.97, 1.0), lit), foot, horizon, alien
    )
    rocks = (landscape == "desert" and rng.random() < 0.7) or (alien and landscape != "mountains")
    shapes = _LAND[landscape](rng, paint, rocks)
    haze = rng.choice((0.0, 0.15, 0.6))
    reflection = mix(lamp, foot, 0.4) if landscape == "sea" else None
    return Scene(
        time,
        landscape,
        light,
        alien,
        rocks,
        (top, middle, foot),
        horizon,
        discs,
        clouds,
        shapes,
        haze,
        foot,
        reflection,
    )


def random_fog(seed: int) -> Fog:
    """Draw a picture of fog at random; the same seed gives the same picture."""
    rng = Random(f"fog {seed}")
    time = rng.choice(TIMES[:5] + ("noon",) * 3)
    tones = {
        "golden hour": ("d8a878", "fff0d0"),
        "dawn": ("c8a8b8", "fff0ee"),
        "noon": ("a8b4c0", "ffffff"),
        "dusk": ("6c5080", "f0b0b0"),
        "night": ("1c2c50", "90a8d0"),
    }
    dark, bright = map(rgb, tones[time])
    grid = tuple(tuple(rng.random() for _ in range(6)) for _ in range(4))
    beams = ()
    source = (rng.choice((rng.uniform(-0.1, 0.35), rng.uniform(0.65, 1.1))), rng.uniform(-0.3, -0.1))
    if rng.random() < 0.6:
        aim = math.atan2(1.0, 0.75 - 1.5 * source[0])
        beams = tuple(
            (aim + offset + rng.uniform(-0.05, 0.05), rng.uniform(0.05, 0.09)) for offset in (-0.5, -0.17, 0.17, 0.5)
        )
    return Fog(time, dark, bright, grid, beams, source)


def _discs(rng: Random, time: str, light: str, lamp: Color, horizon: float) -> tuple[Disc, ...]:
    """Place suns or a moon: low at the edges of the day, high at noon and at night, never behind the land."""
    if light == "no sun":
        return ()
    low, high = (0.14, 0.30) if time in ("noon", "night") else (0.18, horizon - 0.22)
    glow = {"noon": 0.35, "night": 0.30}.get(time, 0.55)
    if light != "two suns":
        center = (rng.uniform(0.15, 0.85), rng.uniform(low, high))
        return (Disc(center, rng.uniform(0.07, 0.10), lamp, glow),)
    left = rng.uniform(0.14, 0.5)
    right = left + rng.uniform(0.22, 0.36)
    big, small = rng.uniform(0.08, 0.105), rng.uniform(0.045, 0.06)
    first, second = (big, small) if rng.random() < 0.5 else (small, big)
    warm = mix(lamp, rgb("ffb070"), 0.35)
    return (
        Disc((left, rng.uniform(low, high)), first, lamp if first == big else warm, glow * first / big),
        Disc((right, rng.uniform(low, high)), second, lamp if second == big else warm, glow * second / big),
    )


def _clouds(rng: Random, time: str, color: Color, horizon: float) -> tuple[Cloud, ...]:
    """Scatter up to four long soft clouds; an overcast sky always has some."""
    count = rng.choice((2, 3, 4)) if time == "overcast" else rng.choice((0, 0, 0, 2, 3, 4))
    opacity = 0.35 if time == "night" else 0.7
    return tuple(
        Cloud(
            (rng.uniform(0.05, 0.95), rng.uniform(0.08, horizon - 0.16)),
            (rng.uniform(0.10, 0.2), rng.uniform(0.03, 0.05)),
            color,
            opacity,
        )
        for _ in range(count)
    )


@dataclass(frozen=True)
class _Paint:
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


def _ground(paint: _Paint, y: float, depth: float) -> Shape:
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


def _row_of_rocks(rng: Random, paint: _Paint, foot: float, depth: float, tall: float, count: int) -> list[Shape]:
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


def _desert(rng: Random, paint: _Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = [_band(rng, paint.far(paint.rock, 0.62), paint.far(paint.rock, 0.62), y - 0.02, 0.012, 1.2)]
    if rocks:
        shapes += _row_of_rocks(rng, paint, y, 0.42, 0.15, rng.choice((3, 4)))
        shapes += _row_of_rocks(rng, paint, y + 0.01, 0.12, 0.22, rng.choice((1, 2, 2)))
    shapes += [_ground(paint, y, 0.35)]
    shapes += [_band(rng, mix(paint.near, paint.deep, 0.45), paint.deep, y + 0.15, 0.018, 0.8)]
    shapes += [_band(rng, mix(paint.deep, _DARK, 0.12), mix(paint.deep, _DARK, 0.3), 0.92, 0.025, 0.7)]
    return tuple(shapes)


def _dunes(rng: Random, paint: _Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = _row_of_rocks(rng, paint, y, 0.35, 0.16, 3) if rocks else []
    for step, (depth, amplitude) in enumerate(((0.4, 0.025), (0.2, 0.04), (0.08, 0.045), (0.0, 0.05))):
        crest = paint.far(mix(paint.near, (1, 1, 0.9), 0.12 * (step % 2)), depth)
        shapes += [_band(rng, crest, mix(crest, paint.deep, 0.95), y + 0.12 * step, amplitude, rng.uniform(0.5, 1.0))]
    return tuple(shapes)


def _meadow(rng: Random, paint: _Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    blue = paint.far(paint.rock, 0.55)
    shapes = [_band(rng, blue, paint.far(blue, 0.3), y - 0.05, 0.035, 1.1)]
    for step, depth in enumerate((0.35, 0.15, 0.0)):
        top = paint.far(mix(paint.near, paint.deep, 0.3 * step), depth)
        shapes += [_band(rng, top, mix(top, paint.deep, 0.6), y + 0.02 + 0.13 * step, 0.03, rng.uniform(0.5, 0.9))]
    return tuple(shapes)


def _sea(rng: Random, paint: _Paint, rocks: bool) -> tuple[Shape, ...]:
    y = paint.horizon
    shapes = _row_of_rocks(rng, paint, y, 0.3, 0.16, 2) if rocks else []
    if not rocks and rng.random() < 0.5:
        x, half = rng.uniform(0.2, 0.8), rng.uniform(0.12, 0.25)
        island = tuple(
            (x + half * math.cos(math.pi * (1 - i / 8)), y - 0.07 * math.sin(math.pi * i / 8)) for i in range(9)
        )
        shapes += [Shape(island, paint.far(paint.rock, 0.35), paint.far(paint.rock, 0.5))]
    return (*shapes, _ground(paint, y, 0.45))


def _mountains(rng: Random, paint: _Paint, rocks: bool) -> tuple[Shape, ...]:
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


def _forest(rng: Random, paint: _Paint, rocks: bool) -> tuple[Shape, ...]:
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


_LAND = {"desert": _desert, "dunes": _dunes, "meadow": _meadow, "sea": _sea, "mountains": _mountains, "forest": _forest}
