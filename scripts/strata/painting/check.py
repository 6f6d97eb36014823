"""How it is checked that a subject's mask shows what it is to show, and other seeds are tried where it does not."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from strata.diffusion import text_masks
from strata.diffusion.vision_models import VisionModel
from strata.imaging.arrays import to_image
from strata.imaging.windows import Shown
from strata.painting.progress import Reporter
from strata.passes import Inpaint, PassCheck, Tried

INSIDE = 128
"""From here of 255 on, a pixel of the soft mask counts as inside."""

SHARE = 0.1
"""The part of the mask that must show the thing: a subject need not fill its mask."""

SEEDS = 2**64


def look(model: VisionModel, text: str, shown: Shown) -> tuple[Image.Image, float]:
    """How surely each pixel shows what a text names, "L" and of the size of the canvas; and the score of the mask, 0 to 1.

    The score is what a tenth of the mask reaches. What lies outside of what is looked at is 0.

    Args:
        model: of the task text_to_mask.
    """
    seen = to_image(text_masks.score(model, shown.picture, text))
    picture = Image.new("L", shown.size)
    picture.paste(seen, shown.box[:2])
    inside = np.sort(np.asarray(seen)[np.asarray(shown.soft) >= INSIDE])
    # Of the levels that the picture holds, so that both say the same.
    score = float(inside[-math.ceil(len(inside) * SHARE)]) / 255 if len(inside) else 0.0
    return picture, round(score, 4)


def try_seeds(
    spec: Inpaint,
    check: PassCheck,
    paint: Callable[[Inpaint], Image.Image],
    score: Callable[[Image.Image], float],
    reporter: Reporter,
) -> tuple[Image.Image, list[Tried]]:
    """Paints a subject with its seed, then with the next ones, until its mask shows what it is to show.

    Args:
        paint: paints the layer of a pass.
        score: that of a layer's mask.

    Returns:
        the first layer with at least the score that is asked for, or else the one with the best score; and what was tried, the
        layer that is returned at the end.
    """
    tried: list[Tried] = []
    layers: list[Image.Image] = []
    for number in range(check["retries"] + 1):
        seed = (spec["seed"] + number) % SEEDS
        layers.append(paint({**spec, "seed": seed}))
        tried.append({"seed": seed, "score": score(layers[-1])})
        reporter.detail(
            f"seed {seed} has the score {tried[-1]['score']:.2f}, of {check['threshold']:g} that are asked for"
        )
        if tried[-1]["score"] >= check["threshold"]:
            return layers[-1], tried
    best = max(range(len(tried)), key=lambda place: (tried[place]["score"], -place))
    reporter.say(
        f"none of {len(tried)} seeds shows {check['text']!r} with the score {check['threshold']:g}: the best is kept, seed "
        f"{tried[best]['seed']} with {tried[best]['score']:.2f}"
    )
    tried.append(tried.pop(best))
    return layers[best], tried
