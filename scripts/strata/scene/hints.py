"""Hints: what a scene may have forgotten. Nothing here is an error, and each can be wrong."""

import re
from collections.abc import Iterable

from strata.scene.description import Description

# Where the first phrase of a prompt ends: what follows says where the thing is, what it wears or what it does.
ENDS = re.compile(
    "above|across|against|along|among|and|around|as|at|before|behind|below|beneath|beside|between|beyond|by|down|for|from|"
    "in|inside|into|near|next|on|onto|out|outside|over|past|through|to|towards?|under|up|upon|wearing|while|who|whose|which|"
    "that|with|within|without|is|are"
)
ARTICLES = {"a", "an", "the", "one", "some", "two", "three", "several", "many"}
# Ends like a verb, and is a thing.
THINGS = {"building", "ceiling", "clothing", "king", "painting", "ring", "spring", "string", "thing", "viking", "wing"}


def find_noun(prompt: str) -> str:
    """The word of a prompt that names what the picture shows, by a rule of thumb; empty if the rule finds none.

    The last word of the first phrase, "vehicle" in "a rusted hover vehicle floating above the sand". A phrase ends at a
    mark, at a word such as in or with, and at one in -ing behind others; a last word in -ed behind others is left off.
    After an "of" it begins anew, since "a photo of a robot" is to show a robot.
    """
    phrase: list[str] = []
    for word in re.findall(r"[\w'-]+|[^\w\s'-]", re.split(r"\.(?:\s|$)", prompt.lower())[0]):
        if word == "of":
            phrase = []
        elif word not in ARTICLES:
            verb = word.endswith("ing") and word not in THINGS
            if phrase and (verb or ENDS.fullmatch(word) or not re.match(r"\w", word)):
                break
            phrase.append(word)
    if len(phrase) > 1 and phrase[-1].endswith("ed"):
        phrase.pop()
    return phrase[-1] if phrase and re.match(r"\w", phrase[-1]) else ""


def find_unnamed(subjects: Iterable[str], negative_prompt: str) -> list[str]:
    """The nouns of the subjects' prompts that a negative prompt does not hold, in one number or the other."""
    named = {_singular(word) for word in re.findall(r"[\w'-]+", negative_prompt.lower())}
    nouns = dict.fromkeys(filter(None, map(find_noun, subjects)))
    return [word for word in nouns if _singular(word) not in named]


def hint_at_background(description: Description, source: str) -> list[str]:
    """A sentence if the background of a complete scene may paint what its subjects are to add."""
    prompts = filter(None, (subject["prompt"] for subject in description["subjects"].values()))
    if missing := find_unnamed(prompts, description["background"]["negative_prompt"]):
        return [
            f"Hint: {source}: background.negative_prompt does not name {', '.join(missing)}, so the background may show what "
            "a subject is to add. (`runtime: {hints: false}` ends such hints.)"
        ]
    return []


def _singular(word: str) -> str:
    """A word without the ending of a plural: astronauts and astronaut, boxes and box, ponies and pony are one each."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return re.sub(r"(?<=[sxz])es$|(?<=[cs]h)es$|(?<=[^s])s$", "", word)
