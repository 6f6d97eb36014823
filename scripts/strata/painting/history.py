"""How long finished work took, over all builds in a folder: what a plan estimates from.

One line of JSON for each pass that was painted or came from the store, for each layer that no model makes, and for each build.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NotRequired, TypedDict, cast

from strata.files import append_line, forget_old_lines
from strata.passes import Pass
from strata.state import HISTORY

MOST_BYTES = 4_000_000
"""Beyond this the older half is forgotten."""


class Finished(TypedDict):
    """Work that was done.

    Attributes:
        what: its kind: work of one kind takes time in proportion, see measure() for passes.
        how: painted, store or another key of journal.WORDS.
        work: how much it was: steps times pixels for a pass, 1 for a look at a picture, pixels for a layer that no model makes,
            jobs for a build.
        seconds: how long it took, without what follows.
        loading: how long the model took to load; 0 if it was at hand.
        starting: how long a job waited for a worker to start.
        layer: the file of a pass' layer.
    """

    what: str
    how: str
    work: float
    seconds: float
    loading: NotRequired[float]
    starting: NotRequired[float]
    layer: NotRequired[str]
    device: NotRequired[str]
    placement: NotRequired[str]


def measure(spec: Pass, pixels: float) -> tuple[str, float]:
    """The kind of a pass, and how much work it is when it sees so many pixels."""
    model = spec["model"]
    kind = f"{spec['task']} {model['fingerprint'] or model['id']} {model['dtype']}"
    if spec["task"] == "depth":
        return kind, 1
    if spec["task"] == "check":
        return kind.replace("check", "text_to_mask", 1) + " in a mask", 1
    if spec["task"] == "text_to_mask":
        return kind if spec["edge"] is None else f"{kind} with edge", 1  # each picture is brought to the same size
    if spec["task"] == "upscale":
        return f"{kind} {spec['method']}", spec.get("steps", 1) * pixels * spec["factor"] ** 2
    strength = spec.get("strength")
    steps = int(spec["steps"] * strength) if isinstance(strength, float) else spec["steps"]
    beside = [part for part in ("reference", "control") if spec.get(part)]
    if speed := model.get("speed"):
        beside.append(json.dumps(speed, sort_keys=True))
    if spec["task"] == "inpaint" and spec.get("check"):
        beside.append("checked")  # several seeds, perhaps
    # Guidance runs the model twice a step.
    guided = ["guided"] if spec["guidance_scale"] > 1 else []
    return " ".join([kind, *guided, *beside]), steps * pixels


def add(entry: Finished) -> None:
    """Writes down what was done. Where that cannot be, estimates know less, and nothing else happens."""
    with suppress(OSError):
        append_line(HISTORY, json.dumps(entry))


def read() -> list[Finished]:
    """All that is known, the oldest first. What is no entry is left out."""
    try:
        lines = HISTORY.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines:
        with suppress(ValueError, RecursionError):  # the last one may be half-written
            if _is_entry(entry := json.loads(line)):
                entries.append(cast(Finished, entry))
    return entries


def _is_entry(entry: Any) -> bool:
    if (
        not isinstance(entry, Mapping)
        or not isinstance(entry.get("what"), str)
        or not isinstance(entry.get("how"), str)
    ):
        return False
    numbers = [entry.get("work"), entry.get("seconds"), entry.get("loading", 0), entry.get("starting", 0)]
    return all(isinstance(number, int | float) and number >= 0 for number in numbers)


def forget_old() -> None:
    """Drops the older half of what has grown too long."""
    forget_old_lines(HISTORY, MOST_BYTES)


def describe_savings() -> str:
    """A sentence about what the store has saved in this folder; empty if nothing yet."""
    passes = [entry for entry in read() if entry["how"] in ("painted", "store")]
    painted = [entry["seconds"] for entry in passes if entry["how"] == "painted"]
    fetched = len(passes) - len(painted)
    if not fetched:
        return ""
    worth = f", about {fetched * sum(painted) / len(painted):.0f} s of painting" if painted else ""
    return f"It has saved {fetched} passes here{worth}."


def find_seconds(layer: str) -> float | None:
    """How long the pass of a layer took when it was painted here last; None if it never was."""
    took = [entry["seconds"] for entry in read() if entry.get("layer") == layer and entry["how"] == "painted"]
    return took[-1] if took else None
