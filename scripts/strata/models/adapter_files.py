"""The files that a scene adds to a model, LoRA adapters and style references: where they lie, and what is in them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.files import exists, expand_user, is_file
from strata.fingerprints import fingerprint_file, fingerprint_folder
from strata.installation import WORKFLOW
from strata.passes import PassStyle, StyleAdapter
from strata.state import MODEL_DIGESTS

LONGEST_HEADER = 100_000_000  # bytes, as the format's own reader has it


def find(file: str) -> Path | None:
    """The file or folder of that name, relative to the working directory or else to the workflow; None if there is none."""
    candidates = (expand_user(file), WORKFLOW / file)
    return next((path.absolute() for path in candidates if exists(path)), None)


def fingerprint(file: str, where: str, memory: Path | None = MODEL_DIGESTS) -> str:
    """The digest of a safetensors file. `where` is the file and the key that name it, for the sentence of a StrataError."""
    path = find(file)
    if path is None or not path.is_file():
        raise StrataError(f"{where} is {file!r}, but there is no such file. Fix the path or add the file.")
    if not _is_safetensors(path):
        raise StrataError(
            f"{where} is {file!r}, which is not a safetensors file, whatever its name says. Download or convert it again. "
            "Pickled weights are not read."
        )
    return fingerprint_file(path, memory)


def resolve_style(
    weight: float,
    adapter: StyleAdapter | None,
    where: str,
    model_where: str,
    memory: Path | None = MODEL_DIGESTS,
) -> PassStyle:
    """How strongly a pass's style acts, with its model's adapter, and the digests of the adapter and the image encoder.

    Args:
        adapter: the model's `style_adapter`; None for a model without one.
        where, model_where: the file and the keys that name the two, for the sentence of a StrataError.
    """
    if adapter is None:
        raise StrataError(f"{where} needs an IP-Adapter for the model. Give {model_where} a file and an image encoder.")
    encoder = find(adapter["image_encoder"])
    if encoder is None or not is_file(encoder / "config.json"):
        raise StrataError(
            f"{model_where}.image_encoder is {adapter['image_encoder']!r}, but there is no config.json in a folder of that "
            "name. Give the folder of the vision model that the adapter was made for."
        )
    return {
        "weight": weight,
        "file": adapter["file"],
        "image_encoder": adapter["image_encoder"],
        "fingerprints": [
            fingerprint(adapter["file"], f"{model_where}.file", memory),
            fingerprint_folder(encoder, memory),
        ],
    }


def find_files(spec: Mapping[str, Any]) -> dict[str, str]:
    """The absolute paths of the files and folders that a resolved pass names, by their names in it."""
    style = spec.get("style") or {}
    names = [lora["file"] for lora in spec.get("loras", ())]
    names += [style[key] for key in ("file", "image_encoder") if style]
    return {name: str(find(name)) for name in names}


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
