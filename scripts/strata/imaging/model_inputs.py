"""A picture as a vision model takes it: resized, padded and normalised as the model's preprocessor_config.json says.

The image processors of transformers do the same, but need torchvision for some models and SciPy for others, of which each wheel fits
one build of torch. Here Pillow resizes, with antialiasing, so that values can differ from theirs by a level or two.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image

from strata.imaging.arrays import Array

GREY = 0.485, 0.456, 0.406
SPREAD = 0.229, 0.224, 0.225
"""The mean and the standard deviation of red, green and blue in ImageNet, for a model that states none."""


PADDING = 128, 128, 128
"""What continues a picture to a square: half of the range, as OWLv2's authors have it. Transformers 5 takes black."""


@dataclass(frozen=True)
class Preparation:
    """How a picture is prepared.

    Attributes:
        size: the (width, height) in pixels that it is resized to.
        fit: exact has just that size. shortest keeps the proportions, and fits the shortest side. near keeps them, and fits the
            side that changes less.
        longest: what no side exceeds, in pixels, where the shortest is fitted.
        multiple: what each side is rounded to a multiple of.
        is_squared: whether the picture is first continued by grey, to the right or below, to a square.
        resampling: how Pillow resizes it.
        mean, deviation: what is taken from the values of each channel, 0 to 1, and what they are divided by then.
    """

    size: tuple[int, int]
    fit: Literal["exact", "shortest", "near"] = "exact"
    longest: float = math.inf
    multiple: int = 1
    is_squared: bool = False
    resampling: Image.Resampling = Image.Resampling.BILINEAR
    mean: tuple[float, ...] = GREY
    deviation: tuple[float, ...] = SPREAD

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], is_squared: bool = False) -> "Preparation":
        """What a preprocessor_config.json says.

        Raises:
            ValueError: it states no size that is understood; without a full stop.
        """
        size: Any = settings.get("size")
        fit: Literal["exact", "shortest", "near"] = "near" if settings.get("keep_aspect_ratio") else "exact"
        longest = math.inf
        if isinstance(size, int):
            width = height = size
        elif isinstance(size, Mapping) and {"width", "height"} <= size.keys():
            width, height = size["width"], size["height"]
        elif isinstance(size, Mapping) and "shortest_edge" in size:
            width = height = size["shortest_edge"]
            fit, longest = "shortest", size.get("longest_edge") or math.inf
        else:
            raise ValueError(f"its preprocessor_config.json has the size {size!r}, which is none")
        return cls(
            (int(width), int(height)),
            fit,
            longest,
            multiple=int(settings.get("ensure_multiple_of") or 1),
            is_squared=is_squared,
            resampling=Image.Resampling(settings.get("resample", Image.Resampling.BILINEAR)),
            mean=tuple(settings.get("image_mean") or GREY),
            deviation=tuple(settings.get("image_std") or SPREAD),
        )

    def find_size(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) that a picture of a size is resized to."""
        across, down = self.size[0] / width, self.size[1] / height
        if self.fit == "shortest":
            across = down = min(self.size[0] / min(width, height), self.longest / max(width, height))
        elif self.fit == "near":
            across = down = across if abs(1 - across) < abs(1 - down) else down
        return self._round(width * across), self._round(height * down)

    def _round(self, length: float) -> int:
        return max(round(length / self.multiple), 1) * self.multiple

    def prepare(self, picture: Image.Image) -> Array:
        """The picture ("RGB") as float32 of shape (1, 3, height, width)."""
        if self.is_squared:
            side = max(picture.size)
            squared = Image.new("RGB", (side, side), PADDING)
            squared.paste(picture)
            picture = squared
        resized = picture.resize(self.find_size(*picture.size), self.resampling)
        values = np.asarray(resized, np.float32) / np.float32(255)
        normal = (values - np.array(self.mean, np.float32)) / np.array(self.deviation, np.float32)
        return np.ascontiguousarray(normal.transpose(2, 0, 1)[None], dtype=np.float32)
