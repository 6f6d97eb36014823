"""Configs in which something is wrong, drawn from a seed: what people mistype, and what attackers try."""

import copy
import datetime
import random
from collections.abc import Iterator
from typing import Any

VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.5, 2**63, 10**400, -(10**400), 1e308, float("nan"), float("inf"), -float("inf")),
    *(
        "",
        " ",
        "\0",
        "a\0b",
        "x" * 300,
        "x/" * 200,
        "/" + "y" * 4000,
        "~nosuchuser",
        "~nosuchuser/x",
        "~",
        "..",
        "../x",
    ),
    *(
        "/etc/passwd",
        "/",
        "loop.png",
        "empty.png",
        ".",
        "0777",
        "010",
        "1e5",
        "0x1f",
        "१२",
        "\ud800",
        "💥",
        "-0",
        "1.",
        "true",
    ),
    *("background", "canvas", "fog", "astronaut", "a~b", "..~1", "EulerDiscreteScheduler", "sd15", "null"),
    *([], {}, [[]], [{}], {"a": 1}, [1, 2], [1, 2, 3, 4], [float("nan")] * 4, [10**400] * 4, {1: 2}, {None: 1}),
    *(datetime.date(2020, 1, 1), datetime.datetime(2020, 1, 1), {"x" * 300: 1}, {"id": "x"}, {"id": "a/b"}),
    *({"from": 1, "to": 10**9}, {"from": 5, "to": 1}, {"shape": "ellipse"}, {"file": "x.safetensors"}),
    *({"id": "stabilityai/stable-diffusion-2-1"}, {"image": "loop.png"}, [{"file": "~nosuchuser/x.safetensors"}]),
    *([{"file": "x" * 300 + ".safetensors"}], [{"file": "a\0.safetensors"}], [{"file": "loop.safetensors"}]),
]
KEYS = ["zzz", 1, None, "Seed", "x" * 100, "a/b", "a~b", "background", "id", "preset", "file", "image", "promt"]


def spoil(config: dict, chance: random.Random) -> dict:
    """A copy of a config with one or two things in it replaced, removed or added."""
    spoiled = copy.deepcopy(config)
    for _ in range(chance.choice((1, 1, 1, 2))):
        path = chance.choice([path for path in _paths(spoiled) if path])
        holder: Any = spoiled
        for key in path[:-1]:
            holder = holder[key]
        act = chance.random()
        if act < 0.75:
            holder[path[-1]] = copy.deepcopy(chance.choice(VALUES))
        elif act < 0.85:
            del holder[path[-1]]
        elif isinstance(holder, dict):
            holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(VALUES))
    return spoiled


def _paths(value: object, above: tuple = ()) -> Iterator[tuple]:
    yield above
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _paths(item, (*above, key))
