"""What remains of the build that is under way: the seconds that it expects of the layers which are not made yet."""

import json
from collections.abc import Mapping
from contextlib import suppress

from strata.errors import StrataError
from strata.files import replacing
from strata.painting import journal
from strata.state import PLANNED


def expect(seconds: Mapping[str, float]) -> None:
    """Writes down what a build that begins expects of each layer's file; where that cannot be, nobody is told."""
    with suppress(StrataError), replacing(PLANNED) as file:
        file.write(json.dumps(seconds).encode())


def seconds_after(layer: str) -> float | None:
    """The seconds that the layers which are neither made yet nor `layer` itself will take; None where nothing is expected."""
    try:
        planned = json.loads(PLANNED.read_bytes())
        made = {entry["layer"] for entry in journal.read()}
        return sum(float(seconds) for name, seconds in planned.items() if name != layer and name not in made)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
