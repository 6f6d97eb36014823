"""The words that the embedded model understands.

A prompt means the *set* of concepts that its words name: order and grammar carry nothing, and a word that is not listed here
means nothing at all. Several words may name one concept; each concept has a number, which data and weights refer to, so
concepts are only ever added at the end of the list.
"""

import re

CONCEPTS: dict[str, tuple[str, ...]] = {
    # Time of day.
    "golden hour": ("golden", "sunset", "amber"),
    "dawn": ("dawn", "sunrise", "morning"),
    "noon": ("noon", "midday", "daytime", "daylight"),
    "dusk": ("dusk", "twilight", "evening"),
    "night": ("night", "midnight", "nocturnal"),
    "overcast": ("overcast", "stormy", "gloomy"),
    # Landscape.
    "desert": ("desert", "wasteland", "badlands"),
    "dunes": ("dunes", "dune", "sands"),
    "meadow": ("meadow", "meadows", "hills", "grassland", "fields"),
    "sea": ("sea", "ocean", "coast", "shore"),
    "mountains": ("mountains", "mountain", "peaks", "alps"),
    "forest": ("forest", "woods", "pines", "trees"),
    "alien": ("alien", "otherworldly", "extraterrestrial", "planet"),
    "rocks": ("rock", "rocks", "rocky", "formations", "mesas", "buttes", "cliffs"),
    # Sky.
    "one sun": ("sun",),
    "two suns": ("two", "suns", "twin", "binary"),
    "moon": ("moon", "moonlit", "moonlight"),
    "clear sky": ("clear", "cloudless"),
    "clouds": ("clouds", "cloudy", "cloud"),
    "haze": ("haze", "hazy", "misty", "dusty"),
    # Fog, a picture of its own for effect layers.
    "fog": ("fog", "mist", "smoke", "foggy"),
    "beams": ("volumetric", "beams", "rays", "shafts"),
    # Subjects.
    "astronaut": ("astronaut", "spaceman", "spacewoman", "cosmonaut", "explorer"),
    "hover vehicle": ("hover", "hovercraft", "vehicle", "speeder", "hovercar", "car"),
    "robot": ("robot", "android", "droid"),
    "rocket": ("rocket", "spaceship", "starship", "spacecraft"),
    "castle": ("castle", "fortress", "tower"),
    "tree": ("tree", "oak"),
    # Colours of subjects.
    "white": ("white", "weathered", "pale"),
    "rusted": ("rusted", "rusty", "rust", "brown", "corroded"),
    "red": ("red", "crimson", "scarlet"),
    "blue": ("blue", "azure"),
    "green": ("green", "emerald"),
    "gold": ("gold", "yellow", "brass"),
    "grey": ("grey", "gray", "silver", "steel", "metal", "metallic"),
}

PLAIN_WORDS = (
    "a", "an", "the", "of", "in", "at", "on", "with", "and", "by", "to", "from", "over", "under", "above", "near",
    "far", "off", "wide", "vast", "hour", "light", "lit", "soft", "thin", "thick", "distant", "distance", "horizon",
    "sky", "landscape", "scene", "view", "shot", "empty", "nobody", "standing", "suit", "spacesuit", "hovering",
    "floating", "low", "ground", "old", "full", "body", "side", "detailed", "cinematic", "painting", "poster",
    "illustration", "style", "flat", "colors", "colours", "people", "person", "animals", "text", "watermark",
    "blur", "blurry", "noise", "ugly", "deformed", "cropped", "drifting", "wisps", "atmosphere", "atmospheric",
    "warm", "cold", "bright", "dark", "one", "its", "is", "no", "photo", "it", "s", "for", "into", "behind",
    "front", "as", "out", "up", "down", "very", "big", "small", "large", "giant", "little", "tall", "lonely",
    "beautiful", "calm", "quiet", "through", "fills", "worn", "wearing", "there", "has", "high", "quality",
    "realistic", "art", "digital", "image", "picture", "deep", "long", "shadows", "shadow", "air", "world",
    "strange", "floor", "grass", "snow", "snowy", "sand", "water", "pine", "rolling", "few", "lines", "frame",
    "watermarks", "letters", "words", "signature", "logo", "crowd", "humans", "buildings", "bad", "worst", "jpeg",
    "artifacts", "left", "right", "middle", "center", "against", "visor", "helmet", "boots", "paint", "panels",
    "engine", "engines", "glow", "glowing", "glass", "starry", "stars", "wheels", "seen",
)  # fmt: skip
"""Common words that mean nothing to the model; listing them keeps each at one token."""

NAMES: tuple[str, ...] = tuple(CONCEPTS)
NUMBER: dict[str, int] = {name: number for number, name in enumerate(NAMES, start=1)}
"""Concept name to number, counted from 1; 0 stands for a token without meaning."""

WORDS: dict[str, int] = {word: NUMBER[name] for name, words in CONCEPTS.items() for word in words}
"""Every word that means something, to its concept's number."""

_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)


def concepts_of(prompt: str) -> tuple[str, ...]:
    """Return the concepts that a prompt names, each once, in the order of the concept list."""
    numbers = {WORDS.get(word, 0) for word in _WORD.findall(prompt.lower())} - {0}
    return tuple(NAMES[number - 1] for number in sorted(numbers))
