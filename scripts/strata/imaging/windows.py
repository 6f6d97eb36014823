"""What a pass sees of other layers, and how its result becomes a layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from strata.errors import StrataError
from strata.imaging import color_match, compositing, healing, masks
from strata.imaging.guides import UNGUIDED, Guides
from strata.passes import Ring

SURROUNDINGS = 0.25  # of a mask's longer side: what is shown round it, since a thing is known by where it stands
RING_CELLS = 2  # as wide as the ring on which colours are compared: near the seam, and enough to tell


@dataclass(frozen=True)
class Whole:
    """All of one picture, "RGB"."""

    picture: Image.Image

    def pixels(self) -> bytes:
        """All that a pass reads."""
        return repr(self.picture.size).encode() + self.picture.tobytes()


@dataclass(frozen=True)
class Shown:
    """A subject on its plate, near its mask.

    Attributes:
        size: the canvas's (width, height) in pixels.
        box: what is shown of it, (left, top, right, bottom).
        picture: "RGB", of the size of the box.
        soft: "L", the feathered mask, of that size.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    picture: Image.Image
    soft: Image.Image

    def pixels(self) -> bytes:
        """All that a look reads, and where it is."""
        return b"".join((repr((self.size, self.box)).encode(), self.picture.tobytes(), self.soft.tobytes()))


@dataclass(frozen=True)
class Window:
    """The part of the picture that a pass sees.

    Attributes:
        size: the picture's (width, height) in pixels.
        box: the window's (left, top, right, bottom) in the picture.
        plate: "RGB", what lies beneath, of the window's size.
        soft: "L", the feathered mask, which composites.
        hard: "L", 0 or 255, the grown mask, which goes to the model.
        cell: the pixels that a cell of the model's latents covers.
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int]
    plate: Image.Image
    soft: Image.Image
    hard: Image.Image
    cell: int

    def pixels(self) -> bytes:
        """All that a pass reads, and where its result goes."""
        return b"".join((repr((self.size, self.box)).encode(), self.plate.tobytes(), self.soft.tobytes()))

    def cut_layer(self, painted: Image.Image, matched: float = 0.0, healed: float = 0.0) -> Image.Image:
        """The subject's layer: the painted window ("RGB") cut out by the soft mask, transparent elsewhere ("RGBA").

        Args:
            matched: how far its colours are brought to the plate's, 0 to 1; above 0 it needs a ring.
            healed: how far its edge is then brought to the plate, 0 to 1.
        """
        layer = Image.new("RGBA", self.size)
        painted = color_match.match(painted, self.plate, self.ring(), matched) if matched else painted
        # A model sees nothing finer than a latent cell, and so paints the seam about as wide.
        painted = healing.heal(painted, self.plate, self.soft, self.cell, healed) if healed else painted
        layer.paste(compositing.cut_out(painted, self.soft), self.box[:2])
        return layer

    def show(self, layer: Image.Image) -> Shown:
        """The subject's layer ("RGBA", of the picture's size) on the plate, near the mask, as far as the window goes."""
        left, top = self.box[:2]
        near = self.soft.getbbox() or (0, 0, *self.soft.size)
        margin = round(SURROUNDINGS * max(near[2] - near[0], near[3] - near[1]))
        part = masks.window(self.soft, margin, 1) if self.soft.getbbox() else near
        box = part[0] + left, part[1] + top, part[2] + left, part[3] + top
        seen = flatten_plate([self.plate.crop(part), layer.crop(box)])
        return Shown(self.size, box, seen.picture, self.soft.crop(part))

    def ring(self) -> Image.Image:
        """What lies round the hard mask, which a pass ought to leave as it is: "L", 0 or 255."""
        return masks.ring(self.hard, RING_CELLS * self.cell)

    def check_ring(self, where: str) -> None:
        """Raises a StrataError, which begins with `where`, if there is nothing round the mask to compare colours on."""
        if self.ring().getbbox() is None:
            raise StrataError(
                f"{where} asks for color_match, but its mask fills all that the pass sees, so that no colours can be "
                "compared round it. Give it a larger context margin, or leave color_match out."
            )


@dataclass(frozen=True)
class Flattened:
    """A flattened stack.

    Attributes:
        picture: "RGB".
        soft: "L", where it may change, of its size; None for everywhere.
    """

    picture: Image.Image
    soft: Image.Image | None

    def pixels(self) -> bytes:
        """All that a pass reads, and where its result goes."""
        soft = b"" if self.soft is None else self.soft.tobytes()
        return b"".join((repr(self.picture.size).encode(), self.picture.tobytes(), soft))

    def replace(self, painted: Image.Image) -> Image.Image:
        """The picture with what was painted ("RGB") where it may change; elsewhere it stays, bit for bit."""
        if self.soft is None:
            return painted
        beneath, above = compositing.Layer(self.picture), compositing.Layer(compositing.cut_out(painted, self.soft))
        return compositing.flatten(self.picture.size, [beneath, above])


def flatten_plate(plate: Sequence[Image.Image]) -> Whole:
    """The picture that layers of one size make, bottom to top, "RGB" or "RGBA"."""
    return Whole(compositing.flatten(plate[0].size, [compositing.Layer(layer) for layer in plate]))


def flatten_stack(
    size: tuple[int, int], stack: Sequence[compositing.Layer], names: Sequence[str], ring: Ring | None
) -> Flattened:
    """Flattens a stack, and draws the ring round some of its layers.

    Args:
        size: (width, height) of the canvas in pixels.
        names: those of the layers, one for each of the stack.
        ring: None for all of the picture.
    """
    picture = compositing.flatten(size, stack)
    if ring is None:
        return Flattened(picture, None)
    near = Image.new("L", size)
    for name, layer in zip(names, stack, strict=True):
        if name in ring["layers"]:
            moved = Image.new("L", size)
            moved.paste(layer.image.convert("RGBA").getchannel("A"), layer.position)
            # What a subject covers shows no edge of those beneath it.
            near = ImageChops.multiply(near, ImageChops.invert(moved))
            near = ImageChops.lighter(near, masks.edge(moved, ring["width"], 0))
    return Flattened(picture, near.filter(ImageFilter.GaussianBlur(ring["feather"])) if ring["feather"] > 0 else near)


def cut_window(plate: Sequence[Image.Image], mask: Image.Image, context: int | None, cell: int) -> Window:
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
    return Window(mask.size, box, beneath, mask.crop(box), masks.hard(mask, cell).crop(box), cell)


View = Whole | Window | Flattened | Shown
"""What a pass sees."""


@dataclass(frozen=True)
class Sight:
    """All that a pass sees: what it paints on (None for what is painted from a prompt), and what guides it."""

    view: View | None = None
    guides: Guides = UNGUIDED

    def pixels(self) -> bytes:
        """All that a pass reads."""
        return (self.view.pixels() if self.view else b"") + self.guides.pixels()

    def box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """The part of a canvas of a size that the pass sees."""
        return self.view.box if isinstance(self.view, Window) else (0, 0, *size)
