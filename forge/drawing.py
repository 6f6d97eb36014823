"""Drawing: a pure function from a scene to a picture, at any size.

Pictures are float32 arrays of shape (height, width, 3), RGB from 0 to 1.
"""

import math

import numpy as np
from PIL import Image, ImageDraw

from forge.scenes import Cloud, Disc, Fog, Scene
from forge.shapes import Color, Point, Shape

_OVERSAMPLING = 3


def draw(scene: Scene | Fog, width: int, height: int) -> np.ndarray:
    """Draw a scene on a canvas of `width` x `height` pixels."""
    if isinstance(scene, Fog):
        return _draw_fog(scene, width, height)
    x, y = _grid(width, height)
    picture = _sky(scene, x, y)
    for disc in scene.discs:
        _paint_disc(picture, disc, x, y)
    for cloud in scene.clouds:
        _paint_cloud(picture, cloud, x, y)
    for shape in scene.shapes:
        _paint_shape(picture, shape)
    if scene.reflection is not None:
        _paint_reflections(picture, scene, x, y)
    if scene.haze:
        veil = scene.haze * np.exp(-(((y - scene.horizon - 0.01) / 0.07) ** 2))
        _blend(picture, scene.haze_color, np.broadcast_to(veil, picture.shape[:2]))
    return np.clip(picture, 0, 1)


def to_image(picture: np.ndarray) -> Image.Image:
    """Round a picture to 8 bits a channel."""
    return Image.fromarray(np.rint(picture * 255).astype(np.uint8), "RGB")


def coverage(polygons: list[tuple[Point, ...]], width: int, height: int) -> np.ndarray:
    """Return how much of each pixel some polygons cover together: shape (height, width), 0 to 1, edges smooth."""
    n = _OVERSAMPLING
    mask = Image.new("L", (width * n, height * n))
    pen = ImageDraw.Draw(mask)
    for points in polygons:
        pen.polygon([(px * width * n - 0.5, py * height * n - 0.5) for px, py in points], fill=255)
    return np.asarray(mask.reduce(n), np.float32) / 255


def _grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres: x of shape (1, width) in heights, y of shape (height, 1) from 0 to 1."""
    x = ((np.arange(width, dtype=np.float32) + 0.5) / height)[None]
    return x, ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]


def _blend(picture: np.ndarray, color: Color | np.ndarray, opacity: np.ndarray) -> None:
    """Paint a colour, or one colour a row, over a picture."""
    picture += (np.asarray(color, np.float32) - picture) * opacity[..., None]


def _sky(scene: Scene, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Three colours from the top to the horizon, without a visible joint."""
    stops = np.array([0.0, 0.62, 1.0]) * scene.horizon
    rows = np.stack([np.interp(y[:, 0], stops, [c[i] for c in scene.sky]) for i in range(3)], -1)
    return np.repeat(rows.astype(np.float32)[:, None], x.shape[1], 1)


def _paint_disc(picture: np.ndarray, disc: Disc, x: np.ndarray, y: np.ndarray) -> None:
    """A bright disc in a glow that fades outwards."""
    height, width = picture.shape[:2]
    distance = np.hypot(x - disc.center[0] * width / height, y - disc.center[1])
    glow = 0.6 * np.exp(-((distance / (0.45 * disc.glow)) ** 2))
    _blend(picture, disc.color, glow)
    _blend(picture, disc.color, np.clip((disc.radius - distance) * height + 0.5, 0, 1))


def _paint_cloud(picture: np.ndarray, cloud: Cloud, x: np.ndarray, y: np.ndarray) -> None:
    height, width = picture.shape[:2]
    dx = (x - cloud.center[0] * width / height) / cloud.size[0]
    dy = (y - cloud.center[1]) / cloud.size[1]
    density = np.clip(1.25 - dx * dx - dy * dy * np.where(dy > 0, 2.5, 1), 0, 1)
    _blend(picture, cloud.color, cloud.opacity * density * density * (3 - 2 * density))


def _paint_shape(picture: np.ndarray, shape: Shape) -> None:
    """Fill a polygon with its gradient; only the rows that it reaches are touched."""
    height, width = picture.shape[:2]
    top, bottom = (pick(py for _, py in shape.points) for pick in (min, max))
    first, last = max(0, math.floor(top * height)), min(height, math.ceil(bottom * height) + 1)
    if first >= last:
        return
    rows = last - first
    local = tuple((px, (py * height - first) / rows) for px, py in shape.points)
    share = ((np.arange(first, last) + 0.5) / height - top) / max(bottom - top, 1e-6)
    share = np.clip(share, 0, 1)[:, None, None]
    color = np.asarray(shape.top) * (1 - share) + np.asarray(shape.bottom) * share
    _blend(picture[first:last], color.astype(np.float32), coverage([local], width, rows))


def _paint_reflections(picture: np.ndarray, scene: Scene, x: np.ndarray, y: np.ndarray) -> None:
    """A glitter path on the water below each sun or moon, widening towards the viewer."""
    height, width = picture.shape[:2]
    depth = np.clip((y - scene.horizon) / (1 - scene.horizon), 0, 1)
    for disc in scene.discs:
        reach = disc.radius * (0.8 + 1.2 * depth)
        path = np.exp(-(((x - disc.center[0] * width / height) / reach) ** 2)) * (0.75 - 0.5 * depth)
        _blend(picture, scene.reflection, path * (y > scene.horizon))


def _draw_fog(fog: Fog, width: int, height: int) -> np.ndarray:
    """Smooth drifts, with soft beams that fade with the distance from their source."""
    grid = Image.fromarray(np.asarray(fog.grid, np.float32), "F")
    density = np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) * 0.75
    x, y = _grid(width, height)
    dx, dy = x - fog.source[0] * width / height, y - fog.source[1]
    angle, fade = np.arctan2(dy, dx), np.exp(-0.5 * np.hypot(dx, dy))
    for aim, spread in fog.beams:
        density = density + 0.6 * fade * np.exp(-(((angle - aim) / spread) ** 2))
    share = np.clip(density, 0, 1)[..., None]
    return (np.asarray(fog.dark) * (1 - share) + np.asarray(fog.bright) * share).astype(np.float32)
