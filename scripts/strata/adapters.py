"""The files that a scene adds to a model, such as LoRA adapters: where they lie, and what is in them. Standard library only."""

import json
from collections.abc import Mapping
from pathlib import Path

from strata import fingerprints, models
from strata.errors import StrataError

MEMORY = Path(".strata/models.json")

LONGEST_HEADER = 100_000_000  # bytes, as the format's own reader has it


def find(file: str) -> Path | None:
    """The file of that name, relative to the working directory or else to the workflow; None if there is none."""
    places = (Path(file).expanduser(), models.WORKFLOW / file)
    return next((place.absolute() for place in places if place.is_file()), None)


def resolved(adapter: Mapping, where: str) -> dict:
    """Returns an adapter with the digest of its `file`.

    Args:
        where: the file and the key that name the adapter, for the sentence of a StrataError.
    """
    path = find(adapter["file"])
    if path is None:
        raise StrataError(
            f"{where}.file is {adapter['file']!r}, but there is no such file. Mend the path, or put it there."
        )
    if not _is_safetensors(path):
        raise StrataError(
            f"{where}.file is {adapter['file']!r}, which is not a safetensors file, whatever its name says. Fetch it again, "
            "or convert it; pickled weights are not read."
        )
    return {**adapter, "fingerprint": fingerprints.file(path, MEMORY)}


def files(spec: Mapping) -> dict[str, str]:
    """The absolute paths of the files that a resolved pass names, by their names in it."""
    return {lora["file"]: str(find(lora["file"])) for lora in spec.get("loras", ())}


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins with the header of the format: its length in 8 bytes, and that much JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(LONGEST_HEADER, path.stat().st_size):
            return False
        try:
            return isinstance(json.loads(file.read(length)), dict)
        except ValueError:
            return False
