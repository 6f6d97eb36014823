"""What a pass sees: the pictures that it reads, as they are when it begins. Their pixels are part of the store's key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strata.files import ReadFile, read_file
from strata.painting.request import Request

if TYPE_CHECKING:
    from strata.imaging.windows import View


def look(request: Request, read_file: ReadFile = read_file) -> View | None:
    """Reads what a pass sees; None for text to image, which sees nothing.

    Args:
        read_file: gives the content of a layer's file.

    Raises:
        StrataError: a picture is missing, or of another size than its scene.
    """
    if not request.plate:
        return None
    # Here: many jobs see nothing, and start faster without Pillow.
    from strata.imaging import depth, photographs, png, stacks, windows

    spec = request.spec
    size = spec["width"], spec["height"]
    if spec["task"] == "upscale":
        return windows.Whole(png.read(request.plate[0], "RGB", size, read_file))
    if spec["task"] == "refine":
        *files, last = request.plate
        distance = depth.read(spec["depth"], size, lambda path: read_file(last)) if spec["depth"] else None
        files = files if spec["depth"] else [*files, last]
        layers = list(stacks.read(spec["stack"], files, size, read_file, distance))
        return windows.flatten_stack(size, layers, [entry["layer"] for entry in spec["stack"]], spec["ring"])
    if spec["task"] == "image_to_image":
        # The file is asked for by the path that the request has, which may be another process' way to it.
        return windows.Whole(photographs.draw(spec, lambda path: read_file(request.plate[0])))
    assert spec["task"] == "inpaint" and request.mask is not None
    # The background is opaque; what lies on it may be transparent.
    plate = [png.read(path, "RGBA" if index else "RGB", size, read_file) for index, path in enumerate(request.plate)]
    window = windows.cut_window(plate, png.read(request.mask, "L", size, read_file), spec["context"], spec["cell"])
    if spec["color_match"]:
        window.check_ring(request.layer)
    return window
