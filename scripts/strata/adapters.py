"""The files that a scene adds to a model, LoRA adapters and style references: where they lie, and what is in them.

Standard library only.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from strata import fingerprints, models
from strata.errors import StrataError

MEMORY = Path(".strata/models.json")

LONGEST_HEADER = 100_000_000  # bytes, as the format's own reader has it


def find(file: str) -> Path | None:
    """The file or folder of that name, relative to the working directory or else to the workflow; None if there is none."""
    places = (Path(file).expanduser(), models.WORKFLOW / file)
    return next((place.absolute() for place in places if place.exists()), None)


def resolved(adapter: Mapping, where: str) -> dict:
    """Returns an adapter with the digest of its `file`.

    Args:
        where: the file and the key that name the adapter, for the sentence of a StrataError.
    """
    return {**adapter, "fingerprint": fingerprint(adapter["file"], f"{where}.file")}


def fingerprint(file: str, where: str) -> str:
    """The digest of a safetensors file. `where` is the file and the key that name it, for the sentence of a StrataError."""
    path = find(file)
    if path is None or not path.is_file():
        raise StrataError(f"{where} is {file!r}, but there is no such file. Mend the path, or put it there.")
    if not _is_safetensors(path):
        raise StrataError(
            f"{where} is {file!r}, which is not a safetensors file, whatever its name says. Fetch it again, or convert it; "
            "pickled weights are not read."
        )
    return fingerprints.file(path, MEMORY)


def style(described: Mapping, adapter: Mapping | None, where: str, model_where: str) -> dict:
    """Returns a pass's style with its model's adapter, and the digests of the image, the adapter and the image encoder.

    Args:
        described: the pass's `style`, whose image is there.
        adapter: the model's `style_adapter`; None for a model without one.
        where, model_where: the file and the keys that name the two.
    """
    if adapter is None:
        raise StrataError(f"{where} needs an IP-Adapter for the model: give {model_where} a file and an image encoder.")
    file = resolved(adapter, model_where)["fingerprint"]
    encoder = find(adapter["image_encoder"])
    if encoder is None or not (encoder / "config.json").is_file():
        raise StrataError(
            f"{model_where}.image_encoder is {adapter['image_encoder']!r}, but there is no config.json in a folder of that "
            "name. Give the folder of the CLIP vision model that the adapter was made for."
        )
    image = fingerprints.file(Path(described["image"]), MEMORY)
    return {**described, **adapter, "fingerprints": [image, file, fingerprints.folder(encoder, MEMORY)]}


def files(spec: Mapping) -> dict[str, str]:
    """The absolute paths of the files and folders that a resolved pass names, by their names in it."""
    style = spec.get("style") or {}
    names = [lora["file"] for lora in spec.get("loras", ())]
    names += [style[key] for key in ("image", "file", "image_encoder") if style]
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
