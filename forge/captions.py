"""Prompts in words for concepts, as a user might write them."""

from random import Random

from forge.vocabulary import CONCEPTS

_PHRASES: dict[str, tuple[str, ...]] = {
    "golden hour": ("at golden hour", "at sunset", "in golden light"),
    "dawn": ("at dawn", "at sunrise", "in the morning"),
    "noon": ("at noon", "at midday"),
    "dusk": ("at dusk", "at twilight"),
    "night": ("at night", "by night"),
    "overcast": ("under an overcast sky", "on a gloomy day"),
    "desert": ("a wide desert", "a desert landscape"),
    "dunes": ("dunes", "a landscape of dunes"),
    "meadow": ("a green meadow", "rolling hills"),
    "sea": ("the sea", "a calm ocean"),
    "mountains": ("snowy mountains", "mountain peaks"),
    "forest": ("a pine forest", "a forest"),
    "alien": ("on an alien world", "on a strange planet"),
    "rocks": ("rock formations far off", "distant mesas"),
    "one sun": ("a sun", "the sun low over the land"),
    "two suns": ("two suns", "twin suns in the sky"),
    "moon": ("a full moon", "the moon"),
    "clear sky": ("a clear sky", "a cloudless sky"),
    "clouds": ("a few clouds", "soft clouds"),
    "haze": ("haze on the horizon", "a hazy distance"),
    "fog": ("thin fog", "drifting mist"),
    "beams": ("volumetric light", "beams of light"),
}


def landscape_prompt(concepts: tuple[str, ...], rng: Random) -> str:
    """Return a prompt that names the concepts of a landscape or of fog: the place first, the rest in any order."""
    first, *others = sorted(
        concepts, key=lambda name: name not in ("desert", "dunes", "meadow", "sea", "mountains", "forest")
    )
    rng.shuffle(others)
    return ", ".join(rng.choice(_PHRASES[name]) for name in (first, *others))


def subject_prompt(kind: str, color: str, rng: Random) -> str:
    """Return a prompt that names a subject and its colour."""
    noun = {"astronaut": "astronaut", "hover vehicle": "hover vehicle"}.get(kind, rng.choice(CONCEPTS[kind]))
    return f"a {rng.choice(CONCEPTS[color])} {noun}"
