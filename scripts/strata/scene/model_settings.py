"""What a model decides about its passes: steps, guidance and sampler of all of them, and the most strength of subjects."""

from dataclasses import dataclass

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
