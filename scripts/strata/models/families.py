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

WEIGHING_REFERENCES = ("Flux2Klein", "FluxKontext")
"""The families of those whose references have a weight: what attends to them does so in the transformer alone."""

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
    "StableDiffusion3": {
        "SD3ControlNetModel": {
            "text_to_image": "StableDiffusion3ControlNetPipeline",
            "inpaint": "StableDiffusion3ControlNetInpaintingPipeline",
        },
    },
    "Flux": {
        "FluxControlNetModel": {
            "text_to_image": "FluxControlNetPipeline",
            "image_to_image": "FluxControlNetImg2ImgPipeline",
            "inpaint": "FluxControlNetInpaintPipeline",
        },
    },
    "QwenImage": {
        "QwenImageControlNetModel": {
            "text_to_image": "QwenImageControlNetPipeline",
            "inpaint": "QwenImageControlNetInpaintPipeline",
        },
    },
    "ZImage": {
        "ZImageControlNetModel": {
            "text_to_image": "ZImageControlNetPipeline",
            "inpaint": "ZImageControlNetInpaintPipeline",
        },
    },
}
"""The pipelines with a ControlNet, by family, class of the ControlNet, and task."""

STYLED = ("StableDiffusion", "StableDiffusionXL", "StableDiffusion3", "Flux", "FluxKontext")
"""The families that take a picture as a reference for style, by an IP-Adapter."""

UNSTYLED = ("FluxControlNetImg2ImgPipeline", "FluxControlNetInpaintPipeline")
"""Those of their pipelines with ControlNets that do not."""

PLATE = "plate"
"""The kind of control that is no picture of its own: a ControlNet for inpainting sees the plate of a subject, and its mask."""

FOLLOWING_PLATES: Mapping[str, bool] = {
    "StableDiffusionControlNetInpaintPipeline": False,
    "StableDiffusion3ControlNetInpaintingPipeline": True,
    "QwenImageControlNetInpaintPipeline": True,
}
"""The pipelines whose ControlNet can follow a plate, and whether it can follow nothing else."""

MASK_CHANNELS: Mapping[str, tuple[str, int]] = {
    "SD3ControlNetModel": ("extra_conditioning_channels", 1),
    "QwenImageControlNetModel": ("extra_condition_channels", 4),
}
"""The ControlNets whose config says whether they take a mask beside the latents of a plate: the key, and how many channels that is.

A cell of the mask is one channel; Qwen-Image packs 2 x 2 of them.
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


def refuse_reference(pipeline: str, task: str, weight: float | None) -> str | None:
    """Why a pass cannot have a reference, or cannot be without one: the end of a sentence; None if all is well.

    Args:
        pipeline: the name of its class.
        weight: that of the pass's reference; None if it has none.
    """
    family = find_family(pipeline)
    given = weight is not None
    if given and task not in REFERENCES.get(family or "", {}):
        able = ", ".join(name for name, tasks in REFERENCES.items() if task in tasks)
        return f"which takes no reference for {WORDS[task]}: {able} do. Take `reference` out, or name another model"
    if given and weight != 1 and family not in WEIGHING_REFERENCES:
        able = ", ".join(WEIGHING_REFERENCES)
        return f"which reads its reference as a part of the prompt, without a weight: {able} have one. Take `reference.weight` out"
    if not given and task in NEEDING_REFERENCES.get(family or "", ()):
        return f"which needs a picture for {WORDS[task]}. Add `reference: {{image: ...}}`, or name another model"
    return None


def refuse_style(pipeline: str, controlled: str | None) -> str | None:
    """Why a pass cannot have a reference for style: the end of a sentence; None if it can, and for families that are not known here.

    Args:
        pipeline: the name of the class of its model.
        controlled: that of the pipeline that paints with the pass's ControlNet, see find_controlled(); None for none.
    """
    family = find_family(pipeline)
    if pipeline in RELATED or (family is not None and family not in STYLED):
        return (
            f"which takes no picture for its `style`: {', '.join(STYLED)} do. Take `style` out, or name another model"
        )
    if controlled in UNSTYLED:
        return "which takes a picture for its `style` or a ControlNet, and not both here. Take `style` or `control` out"
    return None


def refuse_union(controlnet: str, task: str, only_inpaints: bool) -> str | None:
    """Why a union of ControlNets cannot guide a pass: the end of a sentence; None if it can, and for other ControlNets.

    Args:
        only_inpaints: whether the model's UNet takes a mask and a plate beside the noise.
    """
    if controlnet == "ControlNetUnionModel" and task == "inpaint" and only_inpaints:
        return "which takes a mask as channels of its own, and unions of ControlNets do not: name the plain model of the family"
    return None


def refuse_kind(controlled: str, task: str, kind: str) -> str | None:
    """Why a ControlNet cannot follow a kind of picture: the end of a sentence; None if it can.

    Args:
        controlled: the name of the class of the pipeline that paints with it, see find_controlled().
        kind: PLATE, or what a picture shows.
    """
    if kind == PLATE and controlled not in FOLLOWING_PLATES:
        able = [name for name, kinds in CONTROLLED.items() for tasks in kinds.values() if _follows_plates(tasks)]
        return (
            f"whose ControlNets do not follow the plate: those of {', '.join(able)} do. Give `control` another `kind`"
        )
    if kind != PLATE and task == "inpaint" and FOLLOWING_PLATES.get(controlled):
        return f"whose ControlNets for {WORDS[task]} follow its plate and nothing else. Give one of these, and `kind: {PLATE}`"
    return None


def _follows_plates(tasks: Mapping[str, str]) -> bool:
    return tasks.get("inpaint") in FOLLOWING_PLATES


def refuse_channels(controlnet: str, config: Mapping[str, object], task: str) -> str | None:
    """Why a ControlNet cannot follow what a pass gives it, a picture or a plate with its mask: a clause; None if it can.

    Args:
        controlnet: the name of its class.
        config: its own. One that says nothing of a mask may be of either sort.
    """
    key, needed = MASK_CHANNELS.get(controlnet, ("", 0))
    said = config.get(key, needed if task == "inpaint" else 0)
    if task == "inpaint" and said != needed:
        return f"its config says {key}: {said}, so that it takes no mask, and for {WORDS[task]} of this family it needs {needed}"
    if task != "inpaint" and said != 0:
        return f"its config says {key}: {said}, so that it is for subjects alone, whose plate and mask it follows"
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
