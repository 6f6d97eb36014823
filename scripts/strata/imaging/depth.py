"""Distance: a depth picture read, layers that follow it, and depth of field.

Distances are float32 of (height, width), from 0, the nearest, to 1, the farthest.
"""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from strata.errors import StrataError
from strata.files import ReadFile, read_file
from strata.imaging import compositing, pictures
from strata.imaging.arrays import Array, to_floats, to_image
from strata.passes import DepthOfField, DepthPicture, Ramp

STEP = 1.5  # pixels: by how much the blur of two neighbouring slices differs, unless there would be more than SLICES
SLICES = 8  # on either side of the focus
FAINT = 1e-4  # a blurred weight below it says that nothing is near, and a colour divided by it would be noise


def read(
    spec: DepthPicture, size: tuple[int, int], read_file: ReadFile = read_file, file: str | Path | None = None
) -> Array:
    """The distances that a depth picture shows, fitted to the canvas. 16 bits of grey count in full; colours by their luminance.

    spec  `image` (a path), `near` (white or black), `fit` (see pictures.fit()), and `where`, the key, for sentences.
    size  (width, height) in rendered pixels.
    file  where the picture lies, if its path is not `image`.

    Raises StrataError for a file that cannot be read, and for one that is one flat grey.
    """
    where, path = spec["where"], spec["image"]
    try:
        with Image.open(io.BytesIO(read_file(file or path))) as opened:
            opened.load()
        image = ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise StrataError(f"{where} is {path!r}, but there is no such file. Correct the path.") from None
    except pictures.UNREADABLE as error:
        raise StrataError(f"{where} is {path!r}, which cannot be read as an image ({error}). Save it again.") from None
    if image.mode == "F":
        raise StrataError(f"{where} is {path!r}, whose pixels are floating-point numbers. Save it with 8 or 16 bits.")
    deep = image.mode.startswith("I")
    values = np.asarray(image if deep else image.convert("L")).astype(np.float32) / (65535 if deep else 255)
    if values.min() == values.max():
        raise StrataError(f"{where} is {path!r}, which is one flat grey: it shows no distances. Name another picture.")
    # Without the overshoot of Lanczos, which would draw lines of other distances along edges.
    fitted = pictures.fit(Image.fromarray(values), size, spec["fit"], Image.Resampling.BILINEAR)
    distances: Array = np.clip(np.asarray(fitted), 0, 1)
    return 1 - distances if spec["near"] == "white" else distances


def to_grey(distance: Array) -> Image.Image:
    """Distances as grey levels, "L": 0 is black, 1 is white."""
    return Image.fromarray(np.rint(distance * 255).astype(np.uint8))


def ramp(distance: Array, spec: Ramp) -> Array:
    """What a layer's opacity is multiplied by: 0 at `start`, 1 at `end`, in proportion between them, and constant beyond."""
    start, end = np.float32(spec["start"]), np.float32(spec["end"])
    return np.clip((distance - start) / (end - start), 0, 1, dtype=np.float32)


def defocus(picture: Image.Image, distance: Array, spec: DepthOfField) -> Image.Image:
    """The picture with depth of field: what lies at the focus stays sharp, bit for bit, the rest is blurred the more the farther off.

    The blur at a distance d is that of a Gaussian with the standard deviation

        blur x max(|d - focus| - range, 0) / (max(focus, 1 - focus) - range)

    The picture is cut into slices by blur. Each is blurred on its own, with weights (normalised convolution), so that nothing
    sharp bleeds into what is blurred behind it; then they are laid over each other from far to near, each with the blurred
    coverage of all that is as near, so that what is near and blurred spreads over what is behind. After C. Scofield, 2 1/2-D
    Depth-of-Field Simulation for Computer Animation, Graphics Gems III (1992), with slices that fade into each other.

    picture   "RGB".
    distance  of its size.
    spec      `blur` in rendered pixels.

    Returns "RGB". Raises ValueError if the range leaves nothing to blur.
    """
    focus, sharp, blur = spec["focus"], spec["range"], spec["blur"]
    reach = max(focus, 1 - focus) - sharp
    if reach <= 0:
        raise ValueError(f"with focus {focus} and range {sharp} nothing is out of focus")
    off = distance - np.float32(focus)
    # Below 0 nearer than the focus, above 0 farther; 1 is the greatest blur.
    defocused = np.sign(off) * np.clip((np.abs(off) - np.float32(sharp)) / np.float32(reach), 0, 1)
    count = min(max(math.ceil(blur / STEP), 1), SLICES)
    place = (defocused * count).astype(np.float32)
    colors = to_floats(picture)
    seen = np.zeros_like(colors)
    # A slice changes what its widest blur reaches, and for that the coverage is looked at as far again.
    margin = 2 * compositing.gaussian_reach(blur)
    for slice_ in range(count, -count - 1, -1):
        weight = np.clip(1 - np.abs(place - slice_), 0, 1)[:, :, None]
        if not weight.any():
            continue
        part = _surround(weight[:, :, 0] > 0, margin)
        nearer = np.clip(slice_ + 1 - place[part], 0, 1)[:, :, None]
        seen[part] = _lay_over(seen[part], colors[part], weight[part], nearer, blur * abs(slice_) / count, blur)
    return to_image(seen)


def _surround(flags: Array, margin: int) -> tuple[slice, slice]:
    """The rows and columns round what is true, with a margin."""
    (rows,), (columns,) = np.nonzero(flags.any(axis=1)), np.nonzero(flags.any(axis=0))
    return (
        slice(max(rows[0] - margin, 0), rows[-1] + 1 + margin),
        slice(max(columns[0] - margin, 0), columns[-1] + 1 + margin),
    )


def _lay_over(seen: Array, colors: Array, weight: Array, coverage: Array, deviation: float, widest: float) -> Array:
    """One slice, blurred by `deviation`, over those that lie farther.

    What is behind something nearer has no colour of its own. It is continued from what the slice shows, as far as `widest`,
    the blur of what may let it show through.
    """
    color, known = (colors, weight > 0) if deviation == 0 else _spread(colors, weight, deviation)
    if (hidden := ~known & (coverage > 0)).any():
        continued, near = _spread(colors, weight, widest)
        color, known = np.where(hidden, continued, color), known | (hidden & near)
    if deviation > 0:
        coverage = np.clip(compositing.gaussian(coverage, deviation), 0, 1)
    return np.where(known, np.where(coverage == 1, color, coverage * color + (1 - coverage) * seen), seen)


def _spread(colors: Array, weight: Array, deviation: float) -> tuple[Array, Array]:
    """The mean colour round each pixel, of those that have weight, and where there are such pixels near."""
    blurred = compositing.gaussian(np.concatenate([colors * weight, weight], axis=2), deviation)
    known = blurred[:, :, 3:] > FAINT
    return np.divide(blurred[:, :, :3], blurred[:, :, 3:], out=np.zeros_like(colors), where=known), known
