"""How a picture becomes what a vision model takes: as the image processors of transformers have it, but for the resampling."""

import numpy as np
import pytest
from PIL import Image

from strata.imaging.model_inputs import Preparation

PICTURE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (52, 75, 3), dtype=np.uint8))
SMOOTH = PICTURE.resize((6, 4)).resize((75, 52), Image.Resampling.BICUBIC)
NAMES = {"image_mean": [0.48, 0.45, 0.4], "image_std": [0.26, 0.25, 0.27]}


def by_transformers(kind: str, settings: dict) -> np.ndarray:
    """What the processors give that need neither torchvision nor SciPy."""
    from transformers.models.dpt.image_processing_pil_dpt import DPTImageProcessorPil
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    kinds = {"vit": ViTImageProcessorPil, "dpt": DPTImageProcessorPil, "dino": GroundingDinoImageProcessorPil}
    return kinds[kind](**settings)(SMOOTH, return_tensors="np")["pixel_values"]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("vit", {"size": {"height": 352, "width": 352}, "resample": 2} | NAMES),
        ("vit", {"size": {"height": 20, "width": 30}, "resample": 3} | NAMES),
        ("dino", {"size": {"shortest_edge": 80, "longest_edge": 133}, "resample": 2} | NAMES),
        ("dino", {"size": {"shortest_edge": 80, "longest_edge": 100}, "resample": 2} | NAMES),
        (
            "dpt",
            {"size": {"height": 70, "width": 70}, "keep_aspect_ratio": True, "ensure_multiple_of": 14, "resample": 3}
            | NAMES,
        ),
    ],
)
def test_a_picture_is_prepared_as_transformers_does(kind, settings):
    expected, got = by_transformers(kind, settings), Preparation.from_settings(settings).prepare(SMOOTH)
    assert got.dtype == np.float32
    assert got.shape == expected.shape
    assert np.abs(got - expected).max() < 2 / 255 / 0.25  # two levels


def test_a_picture_is_squared_by_grey():
    settings = {"size": {"height": 75, "width": 75}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    got = Preparation.from_settings(settings, is_squared=True).prepare(PICTURE)
    assert (got[0, :, :52].transpose(1, 2, 0) * 255).round().astype(np.uint8).tolist() == np.asarray(PICTURE).tolist()
    assert (got[0, :, 52:] == np.float32(128 / 255)).all()


@pytest.mark.parametrize("settings", [{}, {"size": "large"}, {"size": {"height": 5}}])
def test_a_size_that_is_none_is_refused(settings):
    with pytest.raises(ValueError, match="which is none"):
        Preparation.from_settings(settings)


def test_old_configs_state_one_number():
    assert Preparation.from_settings({"size": 32}).prepare(PICTURE).shape == (1, 3, 32, 32)
