"""What a check says of a subject, as a file for people and programs."""

import json
from pathlib import Path
from typing import TypedDict

from strata.files import ReadFile, read_file, replacing
from strata.imaging import provenance
from strata.passes import Check, Tried


class Verdict(TypedDict):
    """What a check says.

    Attributes:
        subject, text: whose mask was looked at, and for what.
        score: how surely a tenth of the mask shows it, 0 to 1.
        threshold, passed: the score that is asked for, and whether it is reached.
        seed: the seed that painted the subject; None for a layer that somebody retouched.
        tried: the seeds that were tried with their scores, the one that was taken at the end; empty where no others were asked for.
    """

    subject: str
    text: str
    score: float
    threshold: float
    passed: bool
    seed: int | None
    tried: list[Tried]


def write(path: str, spec: Check, heat: str | Path, layer: str | Path, read_file: ReadFile = read_file) -> None:
    """Writes what a check says as JSON.

    Args:
        heat: the picture that the check has made, which says the score.
        layer: the subject's.
        read_file: gives a file's content.
    """
    score = float(provenance.describe_layer(heat, read_file)["made_by"]["score"])
    made = provenance.describe_layer(layer, read_file)
    pass_ = made.get("pass", {}) if not made.get("retouched") else {}
    verdict: Verdict = {
        "subject": spec["plate"][-1],
        "text": spec["text"],
        "score": score,
        "threshold": spec["threshold"],
        "passed": score >= spec["threshold"],
        "seed": pass_.get("seed"),
        "tried": pass_.get("tried", []),
    }
    with replacing(path) as file:
        file.write(f"{json.dumps(verdict, indent=2)}\n".encode())
