"""Models that look, loaded from a folder in whatever precision, and what makes a folder none."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from strata.diffusion import depth_estimation, text_masks
from strata.diffusion.loading import LoadError
from strata.diffusion.vision_models import VisionModel
from strata.diffusion.vision_models import load as load_model
from strata.imaging.regions import Region

PICTURE = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8))
TASKS = {
    "clipseg": "text_to_mask",
    "owlv2": "text_to_mask",
    "grounding_dino": "text_to_mask",
    "sam2": "box_to_mask",
    "depth_anything": "depth",
}


def load(folder, task: str, dtype: str = "auto") -> VisionModel:
    model = {"id": str(folder), "revision": None, "variant": None, "dtype": dtype, "fingerprint": None}
    return load_model(task, model, folder, "cpu")


def look(model: VisionModel, task: str) -> np.ndarray:
    match task:
        case "text_to_mask":
            return text_masks.score(model, PICTURE, "a rock")
        case "box_to_mask":
            return text_masks.cut_out(model, PICTURE, [Region(1.0, (10, 10, 50, 50))]).astype(float)
    return depth_estimation.estimate(model, PICTURE)


@pytest.mark.parametrize("name", TASKS)
def test_each_precision_sees_about_the_same(name, vision_models):
    task = TASKS[name]
    plain = load(vision_models / name, task)
    assert str(plain.dtype) == "torch.float32"
    seen = look(plain, task)
    assert seen.shape == (64, 96)
    assert seen.min() < seen.max()
    for dtype in ("bfloat16", "float16"):
        model = load(vision_models / name, task, dtype)
        assert str(model.dtype) == f"torch.{dtype}"
        assert np.abs(look(model, task) - seen).mean() < 0.05


def test_boxes_are_cut_at_the_border_and_those_of_no_pixel_left_out():
    """A detector gives their middle, width and height as parts of what it saw, for OWLv2 the square that it was continued to."""
    boxes = torch.tensor([[[0.5, 0.25, 0.2, 0.4], [0.95, 0.1, 0.3, 0.1], [0.5, 0.9, 0.2, 0.2], [0.2, 0.2, 0.001, 0.5]]])
    scores = np.array([0.5, 0.4, 0.3, 0.2])
    found = text_masks._make_regions(
        SimpleNamespace(kind="owlv2"), scores, boxes, (100, 100), (100, 60), ["a", "b", "c", "d"]
    )
    assert [(region.score, region.label, [round(side, 3) for side in region.box]) for region in found] == [
        (0.5, "a", [40, 5, 60, 45]),
        (0.4, "b", [80, 5, 100, 15]),
    ]


def test_how_a_picture_is_taken_may_stand_in_the_processors_config(vision_models, tmp_path):
    folder = shutil.copytree(vision_models / "clipseg", tmp_path / "model")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(LoadError, match=r"it holds no preprocessor_config\.json"):
        load(folder, "text_to_mask")
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    assert load(folder, "text_to_mask").preparation == load(vision_models / "clipseg", "text_to_mask").preparation


@pytest.mark.parametrize("task", ["text_to_mask", "box_to_mask", "depth"])
def test_a_model_of_another_kind_is_refused(task, vision_models):
    for name, its in TASKS.items():
        if its != task:
            with pytest.raises(LoadError, match=f"its config.json says that it is a .*, and {task} needs one of"):
                load(vision_models / name, task)


def test_a_repository_for_films_is_one_for_pictures(vision_models, tmp_path):
    """As those of SAM 2 on the hub are."""
    folder = shutil.copytree(vision_models / "sam2", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "sam2_video"}))
    films = look(load(folder, "box_to_mask"), "box_to_mask")
    assert (films == look(load(vision_models / "sam2", "box_to_mask"), "box_to_mask")).all()


def test_pickles_are_never_loaded(vision_models, tmp_path):
    folder = shutil.copytree(vision_models / "clipseg", tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(LoadError, match="safetensors"):
        load(folder, "text_to_mask")
