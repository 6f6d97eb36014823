"""Loading pipelines: the class for each task, and safetensors alone."""

import diffusers
import pytest
import torch

from helpers import tiny_models
from strata.diffusion import pipelines
from strata.diffusion.loading import LoadError
from strata.errors import StrataError
from strata.models import families

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
    found = {task for task in families.SUFFIXES if pipelines._is_for(task, getattr(diffusers, pipeline))}
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


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_familys_classes_are_those_that_diffusers_would_choose(family):
    """Where it would choose any: some families are not in its lists."""
    from diffusers.pipelines import auto_pipeline

    chosen = {
        "text_to_image": auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
        "inpaint": auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING,
    }
    listed = {"FluxKontext": {"text_to_image"}, "Flux2Klein": {"text_to_image"}, "QwenImageEdit": {"inpaint"}}
    for task, mapping in chosen.items():
        found = pipelines._find_class(task, f"{family}Pipeline", "a model")
        expected = auto_pipeline._get_task_class(mapping, f"{family}Pipeline", throw_error_if_not_exist=False)
        assert (expected is not None) == (task in listed.get(family, chosen))
        assert expected in (None, found)
        assert found.__name__ == f"{family}{families.SUFFIXES[task]}"


def test_a_family_without_image_to_image_inpaints():
    assert pipelines._find_class("image_to_image", "FluxKontextPipeline", "x").__name__ == "FluxKontextInpaintPipeline"
    assert pipelines._find_class("image_to_image", "FluxPipeline", "x").__name__ == "FluxImg2ImgPipeline"
