"""The pictures that guide a pass, prepared: a reference as it is, one for style as a square, and what a ControlNet follows, of the
size of the canvas."""

from PIL import Image

from strata.files import ReadFile
from strata.imaging import compositing, depth, edges, pictures, png
from strata.passes import ControlPicture, DepthPicture, Guide

LEAST_SIDE, GREATEST_AREA, LONGEST = 64, 1024 * 1024, 8
"""What pipelines take as a reference: the pixels of its shorter side and of all of it, and how many times longer a side may be."""


def read_reference(guide: Guide, file: str, size: tuple[int, int], where: str, read_file: ReadFile) -> Image.Image:
    """The reference in a file. What is transparent becomes white; a layer is cut to what it shows.

    Args:
        size: of the canvas.
        where: the key, for sentences.

    Raises:
        StrataError: the file cannot be read.
    """
    return _shape(_read_shown(guide, file, size, where, read_file))


def read_style(guide: Guide, file: str, size: tuple[int, int], where: str, read_file: ReadFile) -> Image.Image:
    """The reference for style in a file, a square: what image encoders look at.

    Of a picture that is the square in its middle. A layer is cut to what it shows, which stands in the middle of a white square.

    Args:
        size, where: as for read_reference().

    Raises:
        StrataError: the file cannot be read.
    """
    image = _read_shown(guide, file, size, where, read_file)
    side = min(image.size) if guide["image"] is not None else max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def draw_control(
    kind: str, guide: ControlPicture, file: str, size: tuple[int, int], where: str, read_file: ReadFile
) -> Image.Image:
    """What a ControlNet follows, of the size of the canvas, "RGB".

    Args:
        kind: image, canny or depth.
        size: of the canvas.
        where: the key, for sentences.

    Raises:
        StrataError: the file cannot be read, or shows no distances.
    """
    if kind == "depth":
        # Estimated depth is of the canvas's size.
        own = guide["image"] is not None
        shown, fit, key = (guide["image"] or file, guide["fit"], "image") if own else (file, "stretch", "of")
        spec: DepthPicture = {"image": shown, "near": "black", "fit": fit, "where": f"{where}.{key}"}
        seen = depth.read(spec, size, read_file, file)
        return depth.to_grey(seen).convert("RGB")
    if guide["image"] is not None:
        image = pictures.read_colors(guide["image"], f"{where}.image", _without(where), lambda path: read_file(file))
        image = pictures.fit(image, size, guide["fit"])
    else:
        image = png.read(file, "RGBA", size, read_file)
    image = _lay_on(image, "black")
    return image if kind == "image" else edges.draw(image, *guide["thresholds"]).convert("RGB")


def _read_shown(guide: Guide, file: str, size: tuple[int, int], where: str, read_file: ReadFile) -> Image.Image:
    """What a picture or a layer shows, on white."""
    if guide["image"] is not None:
        image = pictures.read_colors(guide["image"], f"{where}.image", _without(where), lambda path: read_file(file))
    else:
        image = png.read(file, "RGBA", size, read_file)
    image = image.convert("RGBA")
    shown = image.getchannel("A").getbbox()
    return _lay_on(image if shown is None else image.crop(shown), "white")


def _without(where: str) -> str:
    return f"take `{where.rpartition(' ')[2]}` out"


def _lay_on(image: Image.Image, color: str) -> Image.Image:
    return compositing.flatten(
        image.size, [compositing.Layer(Image.new("RGB", image.size, color)), compositing.Layer(image)]
    )


def _shape(image: Image.Image) -> Image.Image:
    """A reference that pipelines take: white beside what is too narrow, larger what is too small, smaller what is too large."""
    width, height = max(image.width, -(-image.height // LONGEST)), max(image.height, -(-image.width // LONGEST))
    if (width, height) != image.size:
        padded = Image.new("RGB", (width, height), "white")
        padded.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
        image = padded
    scale = min(1.0, (GREATEST_AREA / (width * height)) ** 0.5)
    scale = max(scale, LEAST_SIDE / min(width, height))
    if scale == 1:
        return image
    return image.resize(
        (max(int(width * scale), LEAST_SIDE), max(int(height * scale), LEAST_SIDE)), Image.Resampling.LANCZOS
    )
