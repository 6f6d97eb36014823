"""What guides a pass, as it is when the pass begins. All that decides the pixels of guides is imported here."""

from typing import cast

from strata.files import ReadFile
from strata.imaging import guide_pictures
from strata.imaging.guides import Guides
from strata.painting.request import Request
from strata.passes import DiffusionPass


def look(request: Request, box: tuple[int, int, int, int], read_file: ReadFile) -> Guides:
    """Reads what guides a pass.

    Args:
        box: the part of the canvas that it sees, (left, top, right, bottom): also of what a ControlNet follows.
        read_file: gives the content of a file.

    Raises:
        StrataError: a picture is missing, or cannot be read.
    """
    spec, where = cast(DiffusionPass, request.spec), request.present or request.layer
    size = spec["width"], spec["height"]
    reference = style = control = None
    if spec["reference"]:
        file = request.guides["reference"]
        reference = guide_pictures.read_reference(spec["reference"], file, size, f"{where}: reference", read_file)
    if spec["style_picture"]:
        file = request.guides["style_picture"]
        style = guide_pictures.read_style(spec["style_picture"], file, size, f"{where}: style", read_file)
    if spec["control"] and spec["control_picture"]:
        file, kind = request.guides["control_picture"], spec["control"]["kind"]
        control = guide_pictures.draw_control(kind, spec["control_picture"], file, size, f"{where}: control", read_file)
        control = control.crop(box)
    return Guides(reference, style, control)
