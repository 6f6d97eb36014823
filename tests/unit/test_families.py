"""What the table of families says is what the pipelines of diffusers say."""

import inspect
from pathlib import Path

import diffusers
import pytest
from huggingface_hub import constants

from strata.models import families, hub_cache

TASKS = tuple(families.SUFFIXES)


def find_pipeline(family: str, task: str):
    """The class that paints, or None; a family without image to image inpaints all of a picture."""
    names = [f"{family}{families.SUFFIXES[task]}", f"{family}InpaintPipeline"]
    names = names if task == "image_to_image" else names[:1]
    return next((getattr(diffusers, name) for name in names if hasattr(diffusers, name)), None)


@pytest.mark.parametrize("family", families.FAMILIES)
def test_references_are_those_of_the_signatures(family):
    for task in TASKS:
        kind = find_pipeline(family, task)
        assert kind is not None
        parameters = inspect.signature(kind.__call__).parameters
        # A pipeline that paints from a prompt and takes a picture looks at it. Another one has a name of its own for it.
        name = "image" if task == "text_to_image" else "image_reference"
        expected = {name} if name in parameters else set()
        assert set(filter(None, [families.REFERENCES.get(family, {}).get(task)])) == expected, task


@pytest.mark.parametrize("family", families.FAMILIES)
def test_styles_are_those_of_the_signatures(family):
    def takes(kind) -> bool:
        return "ip_adapter_image" in inspect.signature(kind.__call__).parameters

    for task in TASKS:
        own = find_pipeline(family, task)
        assert takes(own) == (families.refuse_style(own.__name__, None) is None), task
        for tasks in families.CONTROLLED.get(family, {}).values():
            if task in tasks:
                allowed = families.refuse_style(own.__name__, tasks[task]) is None
                assert takes(getattr(diffusers, tasks[task])) == allowed, tasks[task]


def test_a_pipeline_that_needs_a_picture_is_known():
    source = inspect.getsource(diffusers.QwenImageEditPipeline.__call__)
    assert "image[0].size if isinstance(image, list) else image.size" in source  # without asking whether there is one
    assert families.refuse_reference("QwenImageEditPipeline", "text_to_image", None)
    assert families.refuse_reference("QwenImageEditInpaintPipeline", "inpaint", None) is None


@pytest.mark.parametrize(
    ("family", "weight", "is_refused"),
    [
        ("Flux2Klein", 0.5, False),
        ("FluxKontext", 0, False),
        ("QwenImageEdit", 1, False),
        ("QwenImageEdit", 0.5, True),
        ("QwenImageEdit", 0, True),
    ],
)
def test_references_with_a_weight(family, weight, is_refused):
    refused = families.refuse_reference(f"{family}Pipeline", "text_to_image", weight)
    assert bool(refused) == is_refused
    assert not refused or "Flux2Klein, FluxKontext have one. Take `reference.weight` out" in refused


def test_pipelines_with_controlnets_take_what_a_pass_gives():
    for controlnets in families.CONTROLLED.values():
        for controlnet, tasks in controlnets.items():
            assert hasattr(diffusers, controlnet)
            for task, name in tasks.items():
                parameters = inspect.signature(getattr(diffusers, name).__call__).parameters
                assert "controlnet_conditioning_scale" in parameters
                wanted = {
                    "text_to_image": set(),
                    "image_to_image": {"image", "strength", "control_image"},
                    "inpaint": {"image", "mask_image", "control_image"},
                }[task]
                if families.FOLLOWING_PLATES.get(name):  # its ControlNet alone sees the plate and the mask
                    wanted = {"control_image", "control_mask"}
                    assert not parameters.keys() & {"image", "mask_image"}
                assert wanted <= parameters.keys(), name
                assert parameters.keys() & {"image", "control_image"}


def test_masks_are_the_channels_that_the_configs_of_controlnets_speak_of():
    named = {
        kind: {key for key in inspect.signature(getattr(diffusers, kind)).parameters if key.startswith("extra_cond")}
        for kinds in families.CONTROLLED.values()
        for kind in kinds
    }
    assert {kind: {key} for kind, (key, _) in families.MASK_CHANNELS.items()} == {k: v for k, v in named.items() if v}


@pytest.mark.parametrize(
    ("pipeline", "family"),
    [
        ("StableDiffusionXLInpaintPipeline", "StableDiffusionXL"),
        ("QwenImageEditPipeline", "QwenImageEdit"),
        ("Flux2KleinInpaintPipeline", "Flux2Klein"),
        ("PixArtAlphaPipeline", None),
    ],
)
def test_a_pipeline_has_its_family(pipeline, family):
    assert families.find_family(pipeline) == family


@pytest.mark.parametrize(
    ("pipeline", "controlnet", "task", "sentence"),
    [
        ("Flux2KleinPipeline", "ControlNetModel", "inpaint", "a family for which diffusers has no ControlNets here"),
        (
            "StableDiffusion3Pipeline",
            "SD3ControlNetModel",
            "image_to_image",
            "has no ControlNets for a picture that is painted anew, but for a layer that is painted from a prompt and a subject",
        ),
        ("FluxPipeline", "ControlNetModel", "inpaint", "is for another family. It needs a FluxControlNetModel"),
    ],
)
def test_a_controlnet_that_does_not_fit_is_refused(pipeline, controlnet, task, sentence):
    found, reason = families.find_controlled(pipeline, controlnet, task)
    assert found is None
    assert sentence in reason


@pytest.mark.parametrize(
    ("family", "controlnet", "kind", "sentence"),
    [
        ("StableDiffusion", "ControlNetModel", "plate", None),
        ("StableDiffusion", "ControlNetModel", "canny", None),
        ("StableDiffusion3", "SD3ControlNetModel", "plate", None),
        (
            "StableDiffusion3",
            "SD3ControlNetModel",
            "canny",
            "follow its plate and nothing else. Give one of these, and `kind: plate`",
        ),
        ("QwenImage", "QwenImageControlNetModel", "depth", "follow its plate and nothing else"),
        (
            "Flux",
            "FluxControlNetModel",
            "plate",
            "do not follow the plate: those of StableDiffusion, StableDiffusion3, QwenImage do.",
        ),
        ("StableDiffusionXL", "ControlNetUnionModel", "plate", "do not follow the plate"),
    ],
)
def test_a_kind_that_a_familys_controlnets_cannot_follow_is_refused(family, controlnet, kind, sentence):
    reason = families.refuse_kind(families.CONTROLLED[family][controlnet]["inpaint"], "inpaint", kind)
    assert (reason is None) if sentence is None else (sentence in reason)


def test_the_hub_s_cache_is_where_the_hub_s_library_has_it():
    assert hub_cache.find_cache() == Path(constants.HF_HUB_CACHE)


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, "~/.cache/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HF_HOME": "~/hf"}, "~/hf/hub"),
        ({"HF_HOME": "/x", "HUGGINGFACE_HUB_CACHE": "/y"}, "/y"),
        ({"HUGGINGFACE_HUB_CACHE": "/y", "HF_HUB_CACHE": "$HOME/z"}, "~/z"),
    ],
)
def test_variables_move_the_hub_s_cache(environment, found, monkeypatch):
    for variable in ("XDG_CACHE_HOME", "HF_HOME", "HUGGINGFACE_HUB_CACHE", "HF_HUB_CACHE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert hub_cache.find_cache() == Path(found).expanduser()
