"""Stacks: the files of layers, read as the composite lists them."""

from collections.abc import Sequence

from strata.files import ReadFile, read_file
from strata.imaging import depth, png
from strata.imaging.arrays import Array
from strata.imaging.compositing import Layer
from strata.passes import StackEntry


def read(
    stack: Sequence[StackEntry],
    files: Sequence[str],
    size: tuple[int, int],
    read_file: ReadFile = read_file,
    distance: Array | None = None,
) -> list[Layer]:
    """The layers of a stack, bottom to top.

    Args:
        files: those of its layers, one for each entry.
        size: the canvas's (width, height), which each layer must have.
        distance: of the canvas's size, see depth.py; for layers that follow it.

    Raises:
        StrataError: a file is missing, is no picture, or has another size.
    """
    return [
        Layer(
            png.read(file, "RGBA", size, read_file),
            entry["opacity"],
            entry["blur"],
            entry["blend"],
            (round(entry["position"][0]), round(entry["position"][1])),
            depth.ramp(distance, ramp) if (ramp := entry["depth"]) and distance is not None else None,
        )
        for file, entry in zip(files, stack, strict=True)
    ]
