"""How what a text names is found in a picture: by a segmenter or a detector, cut out along its edge where that is asked for."""

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
from PIL import Image

from strata.diffusion import text_masks
from strata.diffusion.vision_models import VisionModel
from strata.errors import StrataError
from strata.imaging import regions
from strata.imaging.arrays import Array
from strata.imaging.regions import Region
from strata.passes import TextMask

SEEN = 0.5
"""Of a segmenter that is sure of nothing, a sentence names the areas with at least this part of its highest score."""


def paint(finder: VisionModel, edge: VisionModel | None, spec: TextMask, picture: Image.Image) -> Image.Image:
    """What was found: "L", 255 where it is and 0 elsewhere.

    Args:
        finder: of the task text_to_mask.
        edge: of the task box_to_mask; None for what the finder says itself.
        picture: "RGB".

    Raises:
        StrataError: nothing was found. It says what was seen.
    """
    if text_masks.is_detector(finder):
        seen = text_masks.detect(finder, picture, spec["text"])
        found = [region for region in seen if region.score >= spec["threshold"]]
        chosen = _choose(found, seen, spec)
        inside = regions.fill([region._replace(score=1.0) for region in chosen], picture.size) > 0
    else:
        scores = text_masks.score(finder, picture, spec["text"])
        found, places = regions.split(scores, spec["threshold"])
        chosen = _choose(found, found or _find_best(scores), spec)
        inside = np.isin(places, [found.index(region) for region in chosen])
    if edge is not None:
        inside = text_masks.cut_out(edge, picture, chosen)
        if not inside.any():
            raise StrataError(
                f"{spec['where']}.edge cut nothing out of what was found: {regions.describe(chosen, spec['scale'])}. Leave it "
                "out, or name another model."
            )
    return _to_mask(inside)


def _choose(found: Sequence[Region], seen: Sequence[Region], spec: TextMask) -> list[Region]:
    if not found:
        _refuse(seen, spec)
    return [found[place] for place in regions.choose(found, spec["choose"])]


def _refuse(seen: Sequence[Region], spec: TextMask) -> NoReturn:
    """Says that nothing has the score that is asked for, and what came nearest."""
    where, text, scale = spec["where"], spec["text"], spec["scale"]
    layer = "the background" if len(spec["plate"]) == 1 else f"the picture as far as {spec['plate'][-1]}"
    if not seen:
        raise StrataError(f"{where}.text is {text!r}, but nothing at all was seen in {layer}. Say it in other words.")
    raise StrataError(
        f"{where}.text is {text!r}, but nothing in {layer} has the score that its threshold asks for, {spec['threshold']:g}. Seen were "
        f"{regions.describe(seen, scale)} (score; left, top, right, bottom on the canvas). Lower the threshold, or say it in other words."
    )


def _find_best(scores: Array) -> list[Region]:
    """Where a segmenter is surest, though not sure enough."""
    found, _ = regions.split(scores, float(scores.max()) * SEEN)
    return found


def _to_mask(inside: Array) -> Image.Image:
    return Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))
