"""What a pass is painted with: what the scene says of it, and what its model says of all its passes."""

from collections.abc import Mapping

LOADING = ("id", "revision", "variant", "dtype", "scheduler")
"""The keys of a model that decide what is loaded. The others are about its passes."""


def settled(described: Mapping, model: Mapping) -> dict:
    """Returns a pass with the values that its model insists on.

    Args:
        described: the background, a subject or an effect, as the scene's schema has it, complete.
        model: a model of the same schema, complete.
    """
    insisted = {key: model[key] for key in ("steps", "guidance_scale") if model[key] is not None}
    if "strength" in described:
        insisted["strength"] = min(described["strength"], model["strength_limit"])
    return {**described, **insisted}


def notes(place: str, described: Mapping, task: str, model: Mapping) -> list[str]:
    """A sentence for each value of a pass that its model replaces.

    Args:
        place: the pass in the scene, such as subjects.astronaut.
        task: the model's key, text_to_image or inpainting.
    """
    by = {"strength": "strength_limit"}
    return [
        f"{place}.{key} is {described[key]:g}, but models.{task}.{by.get(key, key)} makes it {value:g}"
        for key, value in settled(described, model).items()
        if value != described[key]
    ]
