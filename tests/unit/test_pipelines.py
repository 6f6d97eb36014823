"""Loading pipelines: the class for each task, and safetensors alone."""

import diffusers
import pytest
import torch

from helpers import tiny_models
from strata.diffusion import pipelines
from strata.diffusion.loading import LoadError
from strata.errors import StrataError

MODEL = {"revision": None, "variant": None, "dtype": "float32"}


def load(task: str, folder, **changes):
    return pipelines.load(task, MODEL | {"id": str(folder)} | changes, folder, "cpu", "auto", 1).pipeline


@pytest.mark.parametrize(
    ("task", "folder", "kind"),
    [
        ("text_to_image", "text-to-image", "StableDiffusionPipeline"),
        ("image_to_image", "text-to-image", "StableDiffusionImg2ImgPipeline"),
        ("inpaint", "text-to-image", "StableDiffusionInpaintPipeline"),
        ("inpaint", "inpainting", "StableDiffusionInpaintPipeline"),
    ],
)
def test_the_task_decides_the_class(models, task, folder, kind):
    assert type(load(task, models / folder)).__name__ == kind


@pytest.mark.parametrize("task", ["text_to_image", "image_to_image"])
def test_what_can_only_inpaint_is_loaded_for_nothing_else(models, task):
    with pytest.raises(LoadError, match="its UNet takes 9 channels, among them a mask, so that it can only inpaint"):
        load(task, models / "inpainting")


@pytest.mark.parametrize(
    ("pipeline", "tasks"),
    [
        ("FluxFillPipeline", {"inpaint"}),
        ("Flux2KleinInpaintPipeline", {"inpaint"}),
        ("QwenImageControlNetInpaintPipeline", set()),  # it wants a control picture
        ("FluxImg2ImgPipeline", {"image_to_image"}),
        ("FluxPipeline", set()),  # the Auto classes know what its family has
    ],
)
def test_the_signature_of_a_pipeline_says_what_it_is_for(pipeline, tasks):
    found = {task for task in pipelines.SUFFIXES if pipelines._is_for(task, getattr(diffusers, pipeline))}
    assert found == tasks


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
