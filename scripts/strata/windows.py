"""What an inpainting pass sees of its plate, and how its result becomes a layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from strata import compositing, masks


@dataclass(frozen=True)
class Window:
    """The part of the picture that a pass sees.

    Attributes:
        size: the picture's (width, height) in pixels.
        box: the window's (left, top, right, bottom) in the picture.
        plate: "RGB", what lies beneath, of the window's size.
        soft: "L", the feathered mask, which composites.
        hard: "L", 0 or 255, the grown mask, which goes to the model.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    plate: Image.Image
    soft: Image.Image
    hard: Image.Image

    def pixels(self) -> bytes:
        """All that a pass reads, and where its result goes."""
        return b"".join((repr((self.size, self.box)).encode(), self.plate.tobytes(), self.soft.tobytes()))

    def layer(self, painted: Image.Image) -> Image.Image:
        """The subject's layer: the painted window ("RGB") cut out by the soft mask, transparent elsewhere ("RGBA")."""
        layer = Image.new("RGBA", self.size)
        layer.paste(compositing.cut_out(painted, self.soft), self.box[:2])
        return layer


def look(plate: Sequence[Image.Image], mask: Image.Image, context: int | None, cell: int) -> Window:
    """Returns the window of a subject.

    Args:
        plate: the layers beneath, bottom to top, "RGB" or "RGBA", of the mask's size.
        mask: "L", feathered.
        context: the margin round the mask in pixels; None sees the whole picture.
        cell: the pixels that a cell of the model's latents covers.
    """
    box = (0, 0, *mask.size) if context is None else masks.window(mask, context, cell)
    size = (box[2] - box[0], box[3] - box[1])
    beneath = compositing.flatten(size, [compositing.Layer(layer.crop(box)) for layer in plate])
    return Window(mask.size, box, beneath, mask.crop(box), masks.hard(mask, cell).crop(box))
