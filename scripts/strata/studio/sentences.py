"""What is wrong, in a sentence, and the key that it speaks of, so that the page can show it beside the key's field."""

import re
from typing import TypedDict

from strata.errors import StrataError

KEY = re.compile(r"^(?:config\.yaml|scenes/[\w.-]+\.yaml)(?:, line \d+)?: ([a-z][\w-]*(?:\.[\w-]+|\[\d+\])*)")


class Wrong(TypedDict):
    """A sentence, and the key that it begins with, if it begins with one."""

    error: str
    key: str | None


def describe_error(error: StrataError) -> Wrong:
    """What an error says, and of which key."""
    return describe_sentence(str(error))


def describe_sentence(sentence: str) -> Wrong:
    """A sentence, and the key that it begins with."""
    key = KEY.match(sentence)
    return {"error": sentence, "key": key[1] if key else None}


def find_keyed(text: str) -> list[Wrong]:
    """The lines of a text that speak of keys."""
    described = (describe_sentence(line) for line in text.splitlines())
    return [wrong for wrong in described if wrong["key"] is not None]
