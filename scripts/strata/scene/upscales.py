"""What the rule upscale must know: how a scene's picture is made larger, and by which network or model."""

from strata import passes
from strata.code_digests import digest_code
from strata.errors import StrataError
from strata.models import adapter_files, reference
from strata.scene.description import Description, Upscale


def describe(
    scene: Description, factor: int, size: tuple[int, int], source: str, models: reference.Known
) -> passes.Upscale:
    """The pass that makes the final picture `factor` times as wide and as high.

    It holds what its method reads, so that an edit of another key changes nothing.

    Args:
        size: the width and height of the final picture.
        source: the file that a sentence about a wrong value names.
        models: what was found out of models already.
    """
    upscale = scene["upscale"]
    if upscale["overlap"] > upscale["tile"] // 2:
        raise StrataError(
            f"{source}: upscale.overlap is {upscale['overlap']}, but tiles of {upscale['tile']} pixels can share at most "
            f"half of their side. Lower it, or raise upscale.tile."
        )
    method = upscale["method"]
    described: passes.Upscale = {
        "task": "upscale",
        "method": method,
        "factor": factor,
        "width": size[0],
        "height": size[1],
        "code": digest_code("lanczos" if method == "lanczos" else "upscale"),
    }
    if method == "lanczos":
        return described
    described |= {"tile": upscale["tile"], "overlap": upscale["overlap"]}
    if method == "network":
        return {**described, "model": _network(upscale, f"{source}: upscale.network", models)}
    model = upscale["model"]
    return {
        **described,
        "prompt": (scene["background"]["prompt"] or "") if upscale["prompt"] is None else upscale["prompt"],
        "negative_prompt": upscale["negative_prompt"],
        "seed": upscale["seed"],
        "steps": upscale["steps"],
        "guidance_scale": upscale["guidance_scale"],
        "noise_level": upscale["noise_level"],
        "model": models.resolve(
            model["id"], model["revision"], model["variant"], model["dtype"], f"{source}: upscale.model"
        ),
    }


def _network(upscale: Upscale, where: str, models: reference.Known) -> passes.PassModel:
    file = upscale["network"]
    if file is None:
        raise StrataError(f"{where} is missing, which upscale.method asks for. Name a .safetensors file.")
    digest = adapter_files.fingerprint(file, where, models.memory)
    return {"id": file, "revision": None, "variant": None, "dtype": "auto", "fingerprint": digest}
