"""What guides a pass beside its prompt, as pictures."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Guides:
    """What guides a pass.

    Attributes:
        reference: "RGB" of any size; None for none.
        style: "RGB", a square; None for none.
        control: "RGB" of the size of what the pass sees; None for none.
    """

    reference: Image.Image | None = None
    style: Image.Image | None = None
    control: Image.Image | None = None

    def pixels(self) -> bytes:
        """All that a pass reads of them; nothing if there is none."""
        named = (("reference", self.reference), ("style", self.style), ("control", self.control))
        return b"".join(
            repr((name, image.size)).encode() + image.tobytes() for name, image in named if image is not None
        )


UNGUIDED = Guides()
