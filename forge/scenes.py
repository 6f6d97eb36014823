"""Scenes as data: what a picture shows, drawn at random from a seed.

Every length is a share of the canvas's height and every position a share of its width (x, rightwards) and height (y,
downwards), so that one scene can be drawn at any size. Colours are RGB triples from 0 to 1.
"""

import hashlib
import math
from dataclasses import dataclass
from random import Random

from forge.shapes import Color, Point, Shape, mix, rgb, tint
from forge.terrain import LAND, Paint

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
    paint = Paint(tint(near, lit), tint(deep, lit), tint(rock, lit), tint((0.95, 0.97, 1.0), lit), foot, horizon, alien)
    rocks = (landscape == "desert" and rng.random() < 0.7) or (alien and landscape != "mountains")
    shapes = LAND[landscape](rng, paint, rocks)
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
