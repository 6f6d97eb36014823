"""What a text names in a picture: a score for each pixel, boxes, and outlines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from strata.diffusion.vision_models import VisionModel
from strata.errors import StrataError
from strata.imaging import regions
from strata.imaging.arrays import Array
from strata.imaging.regions import Region

LABELLED = 0.25
"""The words of a text whose score is at least so much are those that a box was found for, as Grounding DINO's authors have it."""


def is_detector(model: VisionModel) -> bool:
    """Whether a model finds boxes, and not areas."""
    return model.kind != "clipseg"


def score(model: VisionModel, picture: Image.Image, text: str) -> Array:
    """How sure it is of each pixel that it shows what a text names: float32 from 0 to 1, of shape (height, width).

    CLIPSeg gives the probability of each pixel (Lüddecke and Ecker 2022). A detector's boxes are filled with their scores.

    Args:
        picture: "RGB".

    Raises:
        StrataError: the text is too long for the model, or the model says what is no number.
    """
    if is_detector(model):
        return regions.fill(detect(model, picture, text), picture.size)
    words = model.tokenizer(text, return_tensors="pt")
    _check_length(model, words, text, model.network.config.text_config.max_position_embeddings)
    with torch.no_grad():
        logits = model.network(**words.to(model.device), pixel_values=model.take(picture)).logits
    probabilities = torch.sigmoid(logits.float()).reshape(logits.shape[-2:]).cpu().numpy()
    _check_finite(model, probabilities)
    return np.clip(regions.resize(probabilities, picture.size), 0, 1)


def detect(model: VisionModel, picture: Image.Image, text: str) -> list[Region]:
    """The boxes in which a detector sees what a text names, with any score, the highest first, doubles left out.

    OWLv2 (Minderer et al. 2023) or Grounding DINO (Liu et al. 2023).

    Args:
        picture: "RGB".

    Raises:
        StrataError: as score() does.
    """
    detect_by = _detect_by_owl if model.kind == "owlv2" else _detect_by_dino
    return regions.keep_distinct(detect_by(model, picture, text))


def cut_out(model: VisionModel, picture: Image.Image, boxes: Sequence[Region]) -> Array:
    """Where the things in some boxes are, along their edges: bool of shape (height, width). By SAM 2 (Ravi et al. 2024).

    Args:
        picture: "RGB".
        boxes: at least one, in its pixels.
    """
    pixels = model.take(picture)
    across, down = (seen / given for seen, given in zip(pixels.shape[:1:-1], picture.size, strict=True))
    corners = torch.tensor([[region.box for region in boxes]], dtype=torch.float32)
    corners *= torch.tensor([across, down, across, down])
    with torch.no_grad():
        # One outline for each box: with a box there is little that several could mean.
        outlines = model.network(
            pixel_values=pixels, input_boxes=corners.to(model.device, model.dtype), multimask_output=False
        ).pred_masks.float()[0, :, 0]
    _check_finite(model, outlines.cpu().numpy())
    whole = torch.nn.functional.interpolate(
        outlines[None], size=picture.size[::-1], mode="bilinear", align_corners=False
    )[0]
    inside: Array = (whole > 0).any(dim=0).cpu().numpy()
    return inside


def _detect_by_owl(model: VisionModel, picture: Image.Image, text: str) -> list[Region]:
    longest = model.network.config.text_config.max_position_embeddings
    words = model.tokenizer(text, return_tensors="pt", padding="max_length", max_length=longest)
    _check_length(model, words, text, longest)
    with torch.no_grad():
        found = model.network(**words.to(model.device), pixel_values=model.take(picture))
    scores = torch.sigmoid(found.logits.float())[0, :, 0].cpu().numpy()
    # Boxes are parts of the square that the picture was continued to.
    return _make_regions(model, scores, found.pred_boxes, (max(picture.size),) * 2, picture.size)


def _detect_by_dino(model: VisionModel, picture: Image.Image, text: str) -> list[Region]:
    phrase = text.lower().strip().rstrip(".") + "."  # as it was trained
    words = model.tokenizer(phrase, return_tensors="pt", return_token_type_ids=True)
    _check_length(model, words, text, model.network.config.max_text_len)
    with torch.no_grad():
        found = model.network(**words.to(model.device), pixel_values=model.take(picture))
    by_word = torch.sigmoid(found.logits.float())[0].cpu().numpy()
    ids = words["input_ids"][0].tolist()
    special = set(model.tokenizer.all_special_ids)
    labels = [
        model.tokenizer.decode(
            [ids[place] for place in np.nonzero(row[: len(ids)] > LABELLED)[0] if ids[place] not in special]
        )
        for row in by_word
    ]
    return _make_regions(model, by_word.max(axis=1), found.pred_boxes, picture.size, picture.size, labels)


def _make_regions(
    model: VisionModel,
    scores: Array,
    boxes: torch.Tensor,
    scale: tuple[int, int],
    size: tuple[int, int],
    labels: Sequence[str] | None = None,
) -> list[Region]:
    """Boxes as a detector gives them: middle, width and height, 0 to 1 of `scale`, cut at the picture's border."""
    middles = boxes[0].float().cpu().numpy()
    _check_finite(model, scores)
    _check_finite(model, middles)
    across, down = scale
    width, height = size
    found = []
    for place, ((x, y, w, h), value) in enumerate(zip(middles.tolist(), scores.tolist(), strict=True)):
        left, right = (min(max(side * across, 0.0), float(width)) for side in (x - w / 2, x + w / 2))
        top, bottom = (min(max(side * down, 0.0), float(height)) for side in (y - h / 2, y + h / 2))
        if right - left >= 1 and bottom - top >= 1:
            found.append(Region(value, (left, top, right, bottom), labels[place] if labels else ""))
    return found


def _check_length(model: VisionModel, words: Any, text: str, longest: int) -> None:
    count = words["input_ids"].shape[1]
    if count > longest:
        raise StrataError(
            f"The text {text!r} has {count} tokens, but a model of the kind {model.kind} reads {longest}. Say it in fewer words."
        )


def _check_finite(model: VisionModel, values: Array) -> None:
    if not np.isfinite(values).all():
        raise StrataError(
            f"The model of the kind {model.kind} returned numbers that are not finite. Give it `dtype: float32`."
        )
