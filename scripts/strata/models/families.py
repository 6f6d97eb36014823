"""What the families of diffusers' pipelines can do beside painting a prompt: known before a model is loaded.

The pipelines' own signatures decide; reading them takes the seconds that importing diffusers takes. So this says what they say,
for the families that Strata knows, and tests hold the two in step.
"""

from collections.abc import Mapping
from typing import Literal

Task = Literal["text_to_image", "image_to_image", "inpaint"]
"""What a pipeline does: paint from a prompt, paint a picture anew, or paint into a mask."""

FAMILIES = (
    "StableDiffusion",
    "StableDiffusionXL",
    "StableDiffusion3",
    "QwenImage",
    "QwenImageEdit",
    "ZImage",
    "Flux",
    "FluxKontext",
    "Flux2Klein",
)
"""How the names of a family's pipelines begin."""

SUFFIXES: Mapping[str, str] = {
    "text_to_image": "Pipeline",
    "image_to_image": "Img2ImgPipeline",
    "inpaint": "InpaintPipeline",
}
"""How they end, by task."""

WORDS = {
    "text_to_image": "a layer that is painted from a prompt",
    "image_to_image": "a picture that is painted anew",
    "inpaint": "a subject",
}
"""The tasks in the words of a scene."""

BESIDE_A_PICTURE = {"text_to_image": "image", "image_to_image": "image_reference", "inpaint": "image_reference"}

REFERENCES: Mapping[str, Mapping[str, str]] = {
    "Flux2Klein": BESIDE_A_PICTURE,
    "FluxKontext": BESIDE_A_PICTURE,
    "QwenImageEdit": {"text_to_image": "image"},
}
"""The families that take a reference: what their pipelines call it, by task."""

NEEDING_REFERENCES = {"QwenImageEdit": ("text_to_image",)}
"""The families that paint nothing without one, and for which tasks."""

CONTROLLED: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "StableDiffusion": {
        "ControlNetModel": {
            "text_to_image": "StableDiffusionControlNetPipeline",
            "image_to_image": "StableDiffusionControlNetImg2ImgPipeline",
            "inpaint": "StableDiffusionControlNetInpaintPipeline",
        },
    },
    "StableDiffusionXL": {
        "ControlNetModel": {
            "text_to_image": "StableDiffusionXLControlNetPipeline",
            "image_to_image": "StableDiffusionXLControlNetImg2ImgPipeline",
            "inpaint": "StableDiffusionXLControlNetInpaintPipeline",
        },
        "ControlNetUnionModel": {
            "text_to_image": "StableDiffusionXLControlNetUnionPipeline",
            "image_to_image": "StableDiffusionXLControlNetUnionImg2ImgPipeline",
            "inpaint": "StableDiffusionXLControlNetUnionInpaintPipeline",
        },
    },
    "StableDiffusion3": {"SD3ControlNetModel": {"text_to_image": "StableDiffusion3ControlNetPipeline"}},
    "Flux": {
        "FluxControlNetModel": {
            "text_to_image": "FluxControlNetPipeline",
            "image_to_image": "FluxControlNetImg2ImgPipeline",
            "inpaint": "FluxControlNetInpaintPipeline",
        },
    },
    "QwenImage": {"QwenImageControlNetModel": {"text_to_image": "QwenImageControlNetPipeline"}},
    "ZImage": {
        "ZImageControlNetModel": {
            "text_to_image": "ZImageControlNetPipeline",
            "inpaint": "ZImageControlNetInpaintPipeline",
        },
    },
}
"""The pipelines with a ControlNet, by family, class of the ControlNet, and task.

The inpainting pipelines of Stable Diffusion 3 and Qwen-Image with ControlNets are not among them: what their ControlNets follow is the
plate itself.
"""


RELATED = {"FluxFillPipeline": "Flux"}
"""Pipelines with a class of their own whose transformer is a family's."""

COMPILED = (
    "StableDiffusion",
    "StableDiffusionXL",
    "QwenImage",
    "QwenImageEdit",
    "ZImage",
    "Flux",
    "FluxKontext",
    "Flux2Klein",
)
"""The families whose transformer or UNet says which of its blocks it repeats, so that they are compiled once for all."""

CACHED: Mapping[str, tuple[str, ...]] = {
    "first_block": ("QwenImage", "QwenImageEdit", "Flux", "FluxKontext"),
    "taylor_seer": ("QwenImage", "QwenImageEdit", "Flux", "FluxKontext", "Flux2Klein"),
}
"""The families whose steps can skip blocks, by the kind of cache.

Those of diffusers' CacheMixin. It has no first-block cache that works for FLUX.2: its two kinds of blocks return different things.
"""


def find_family(pipeline: str) -> str | None:
    """The family of a pipeline by the name of its class; None for one that is not known here."""
    found = (family for family in FAMILIES for suffix in SUFFIXES.values() if pipeline == f"{family}{suffix}")
    return next(found, None)


def refuse_reference(pipeline: str, task: str, given: bool) -> str | None:
    """Why a pass cannot have a reference, or cannot be without one: the end of a sentence; None if all is well.

    Args:
        pipeline: the name of its class.
        given: whether the pass has one.
    """
    family = find_family(pipeline)
    if given and task not in REFERENCES.get(family or "", {}):
        able = ", ".join(name for name, tasks in REFERENCES.items() if task in tasks)
        return f"which takes no reference for {WORDS[task]}: {able} do. Take `reference` out, or name another model"
    if not given and task in NEEDING_REFERENCES.get(family or "", ()):
        return f"which needs a picture for {WORDS[task]}. Add `reference: {{image: ...}}`, or name another model"
    return None


def refuse_union(controlnet: str, task: str, only_inpaints: bool) -> str | None:
    """Why a union of ControlNets cannot guide a pass: the end of a sentence; None if it can, and for other ControlNets.

    Args:
        only_inpaints: whether the model's UNet takes a mask and a plate beside the noise.
    """
    if controlnet == "ControlNetUnionModel" and task == "inpaint" and only_inpaints:
        return "which takes a mask as channels of its own, and unions of ControlNets do not: name the plain model of the family"
    return None


def find_controlled(pipeline: str, controlnet: str, task: str) -> tuple[str | None, str]:
    """The pipeline that paints with a ControlNet, or why there is none: the end of a sentence.

    Args:
        pipeline: the name of the class of the model without one.
        controlnet: the name of the ControlNet's class.
    """
    family = find_family(pipeline)
    known = CONTROLLED.get(family or "", {})
    able = [kind for kind, tasks in known.items() if task in tasks]
    if not known:
        names = ", ".join(CONTROLLED)
        return None, f"a family for which diffusers has no ControlNets here: {names} have. Take `control` out"
    if not able:
        done = " and ".join(dict.fromkeys(WORDS[done] for tasks in known.values() for done in tasks))
        return None, f"whose family has no ControlNets for {WORDS[task]}, but for {done}. Take `control` out"
    if controlnet not in able:
        return (
            None,
            f"and the ControlNet is a {controlnet}, which is for another family. It needs a {' or a '.join(able)}",
        )
    return known[controlnet][task], ""
