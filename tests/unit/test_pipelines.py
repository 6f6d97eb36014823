"""Loading pipelines: the class for each task, and safetensors alone."""

import pytest
import torch

from helpers import tiny_models
from strata.diffusion import pipelines
from strata.diffusion.pipelines import LoadError
from strata.errors import StrataError

MODEL = {"revision": None, "variant": None, "dtype": "float32"}


def load(task: str, folder, **changes):
    return pipelines.load(task, MODEL | {"id": str(folder)} | changes, folder, "cpu", "auto", 1).pipeline


@pytest.mark.parametrize(
    ("task", "folder", "kind"),
    [
        ("text_to_image", "text-to-image", "StableDiffusionPipeline"),
        ("inpaint", "text-to-image", "StableDiffusionInpaintPipeline"),
        ("inpaint", "inpainting", "StableDiffusionInpaintPipeline"),
    ],
)
def test_the_task_decides_the_class(models, task, folder, kind):
    assert type(load(task, models / folder)).__name__ == kind


def test_a_variant_that_is_not_there_cannot_be_loaded(models):
    with pytest.raises(LoadError, match="fp16"):
        load("text_to_image", models / "text-to-image", variant="fp16")


def test_weights_in_pickles_are_refused(tmp_path):
    folder = tiny_models.text_to_image(tmp_path / "model")
    weights = next((folder / "unet").glob("*.safetensors"))
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(LoadError, match="safetensors"):
        load("text_to_image", folder)


def test_a_pipeline_that_is_no_upscaler_is_refused(models):
    with pytest.raises(StrataError, match="is a StableDiffusionPipeline, which is no upscaler"):
        load("upscale", models / "text-to-image")


@pytest.mark.parametrize("family", pipelines.FAMILIES)
def test_a_familys_classes_are_those_that_diffusers_would_choose(family, monkeypatch):
    from diffusers.pipelines import auto_pipeline

    chosen = {
        "text_to_image": auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
        "inpaint": auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING,
    }
    monkeypatch.setattr(
        pipelines.DiffusionPipeline, "load_config", lambda source, revision: {"_class_name": f"{family}Pipeline"}
    )
    for task, mapping in chosen.items():
        expected = auto_pipeline._get_task_class(mapping, f"{family}Pipeline")
        assert pipelines._find_class(task, "a model", None) is expected
