"""What a model decides about its passes: steps, guidance, sampler and speed of all of them, and the most strength of subjects."""

from dataclasses import dataclass

from strata.models import families
from strata.passes import Speed
from strata.scene.description import Model, Passed


@dataclass(frozen=True)
class Chosen:
    """The values that a pass is painted with where its model has a say."""

    steps: int
    guidance_scale: float
    scheduler: str | None


def choose(described: Passed, model: Model) -> Chosen:
    """The values of a pass, or those that its model insists on. A sampler of the pass comes before its model's."""
    return Chosen(
        steps=described["steps"] if model["steps"] is None else model["steps"],
        guidance_scale=described["guidance_scale"] if model["guidance_scale"] is None else model["guidance_scale"],
        scheduler=described["scheduler"] or model["scheduler"],
    )


def choose_speed(model: Model) -> Speed | None:
    """How a model is made faster; None if nothing is asked for."""
    speed = model["speed"]
    return speed if speed and (speed["compile"] or speed["weights"] or speed["cache"]) else None


def refuse_speed(model: Model, pipeline: str) -> str | None:
    """Why a model cannot be made faster like that: the end of a sentence whose beginning is the key `speed`.

    None if it can, and for a family that is not known here; loading tells.

    Args:
        pipeline: the name of the model's class.
    """
    if (speed := choose_speed(model)) is None:
        return None
    family = families.find_family(pipeline) or families.RELATED.get(pipeline)
    if family is None:
        return None
    if speed["compile"] and family not in families.COMPILED:
        able = ", ".join(families.COMPILED)
        return f".compile is true, but {model['id']!r} is a {pipeline}, whose blocks diffusers cannot compile: {able} can. Leave it out."
    cache = speed["cache"]
    if cache and family not in families.CACHED[cache["kind"]]:
        able = ", ".join(families.CACHED[cache["kind"]])
        return (
            f".cache.kind is {cache['kind']}, but {model['id']!r} is a {pipeline}, for which diffusers has no such cache: {able} "
            "have. Leave `cache` out."
        )
    return None


def refuse_adapters(model: Model, described: Passed) -> str | None:
    """Why a pass cannot have its LoRA adapters: the middle of a sentence between the key `speed` and that of the pass; or None."""
    if model["speed"] and model["speed"]["weights"] == "float8" and (model["loras"] or described["loras"]):
        return ".weights is float8, which takes no LoRA adapters. Leave one of the two out: there are `loras` for"
    return None


def notes(key: str, described: Passed, name: str, model: Model) -> list[str]:
    """A sentence for each value of a pass that its model replaces.

    Args:
        key: the pass in the scene, such as subjects.astronaut.
        name: the model's, in `models`.
    """
    chosen = choose(described, model)
    replaced: list[tuple[str, str, float, float]] = [
        ("steps", "steps", described["steps"], chosen.steps),
        ("guidance_scale", "guidance_scale", described["guidance_scale"], chosen.guidance_scale),
    ]
    strength = described.get("strength")
    if isinstance(strength, float):
        replaced.append(("strength", "strength_limit", strength, min(strength, model["strength_limit"])))
    return [
        f"{key}.{setting} is {value:g}, but models.{name}.{by} makes it {instead:g}"
        for setting, by, value, instead in replaced
        if value != instead
    ]
