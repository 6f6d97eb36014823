"""What the rule upscale must know: how a scene's picture is made larger, and by which network or model."""

from collections.abc import Mapping

from strata import adapters, fingerprints, models, settings
from strata.errors import StrataError

# What decides the pixels of each method, see scene.CODE.
CODE = {
    "lanczos": ("upscaling",),
    "network": ("upscaling", "diffusion/networks", "diffusion/hardware"),
    "diffusion": ("upscaling", "diffusion/upscalers", "diffusion/pipelines", "diffusion/hardware"),
}

# The keys that have a meaning for each method: an edit of another one changes nothing.
KEYS = {
    "lanczos": (),
    "network": ("tile", "overlap"),
    "diffusion": (
        "tile",
        "overlap",
        "prompt",
        "negative_prompt",
        "seed",
        "steps",
        "guidance_scale",
        "noise_level",
    ),
}


def spec(scene: Mapping, factor: int, size: Mapping, source: str) -> dict:
    """The params of the rule: the task, the picture's size in pixels, and what the method reads.

    Args:
        scene: its description, complete.
        factor: how many times as wide and as high.
        size: the width and height of the final picture.
        source: the file that a sentence about a wrong value names.
    """
    upscale = scene["upscale"]
    method = upscale["method"]
    if upscale["overlap"] > upscale["tile"] // 2:
        raise StrataError(
            f"{source}: upscale.overlap is {upscale['overlap']}, but tiles of {upscale['tile']} pixels can share at most "
            f"half of their side. Lower it, or raise upscale.tile."
        )
    described = {key: upscale[key] for key in KEYS[method]}
    if "prompt" in described and described["prompt"] is None:
        described["prompt"] = scene["background"]["prompt"]
    return {
        "task": "upscale",
        "method": method,
        "factor": factor,
        **size,
        **described,
        **_model(upscale, method, source),
        "code": fingerprints.code(*CODE[method]),
    }


def _model(upscale: Mapping, method: str, source: str) -> dict:
    if method == "network":
        where = f"{source}: upscale.network"
        if upscale["network"] is None:
            raise StrataError(f"{where} is missing, which upscale.method asks for. Name a .safetensors file.")
        return {"model": {"id": upscale["network"], "fingerprint": adapters.fingerprint(upscale["network"], where)}}
    if method == "diffusion":
        model = {key: upscale["model"][key] for key in settings.LOADING}
        return {"model": model | models.settled(model, f"{source}: upscale.model")}
    return {}
