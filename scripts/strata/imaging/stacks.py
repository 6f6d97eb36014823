"""The stack of a scene's layers, read from their files as it is flattened."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from strata.files import ReadFile, read_file
from strata.imaging import depth, png
from strata.imaging.arrays import Array
from strata.imaging.compositing import Layer, quantise
from strata.passes import StackEntry


def read(
    entries: Sequence[StackEntry],
    files: Sequence[str | Path],
    size: tuple[int, int],
    read_file: ReadFile = read_file,
    distance: Array | None = None,
) -> Iterator[Layer]:
    """The layers of a stack, bottom to top, each read when it is its turn, and quantised.

    Args:
        entries: with their lengths in rendered pixels.
        files: one for each entry.
        size: the canvas's (width, height) in rendered pixels, which each layer must have.
        read_file: gives a file's content.
        distance: of the canvas's size, see depth.py; for layers that follow it.

    Raises:
        StrataError: a file is missing, is no picture, or has another size than the scene.
    """
    for entry, file in zip(entries, files, strict=True):
        image = png.read(file, "RGBA", size, read_file)
        x, y = entry["position"]
        veil = depth.ramp(distance, ramp) if (ramp := entry["depth"]) and distance is not None else None
        yield quantise(Layer(image, entry["opacity"], entry["blur"], entry["blend"], (round(x), round(y)), veil))
