"""What a pass is painted with: what the scene says of it, and what its model says of all its passes."""

from collections.abc import Mapping

LOADING = ("id", "revision", "variant", "dtype")
"""The keys of a model that decide what is loaded. The others are about its passes."""


def settled(described: Mapping, model: Mapping) -> dict:
    """Returns a pass with what its model adds to it, and with the values that its model insists on.

    Args:
        described: the background, a subject or an effect, as the scene's schema has it, complete.
        model: a model of the same schema, complete.
    """
    scheduler = described["scheduler"] or model["scheduler"]
    insisted = {key: model[key] for key in ("steps", "guidance_scale") if model[key] is not None}
    if "strength" in described:
        insisted["strength"] = min(described["strength"], model["strength_limit"])
    return {**described, "scheduler": scheduler, **insisted}


def notes(place: str, described: Mapping, task: str, model: Mapping) -> list[str]:
    """A sentence for each value of a pass that its model replaces.

    Args:
        place: the pass in the scene, such as subjects.astronaut.
        task: the model's key, text_to_image or inpainting.
    """
    chosen = settled(described, model)
    return [
        f"{place}.{key} is {described[key]:g}, but models.{task}.{by} makes it {chosen[key]:g}"
        for key, by in (("steps", "steps"), ("guidance_scale", "guidance_scale"), ("strength", "strength_limit"))
        if key in described and chosen[key] != described[key]
    ]
