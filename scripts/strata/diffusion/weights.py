"""The files of a model: where they lie, whether they changed, and which of two models' parts are the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strata import fingerprints
from strata.errors import StrataError

# What a pass changes while it runs: never shared.
UNSHARED = ("scheduler",)

INDEX = "model_index.json"


def snapshot(repository: str, commit: str) -> Path:
    """The folder in the hub's cache (HF_HOME) in which the files of a commit lie, whether it is there or not."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE, f"models--{repository.replace('/', '--')}", "snapshots", commit).resolve()


@dataclass(frozen=True)
class Weights:
    """A model, as a pass names it.

    Attributes:
        model: the keys of the scene's schema (`id`, `revision`, `variant`, `dtype`) and the fingerprint.
        folder: where it lies; None for one on the hub that no lock names.
        memory: the file in which digests are remembered, see fingerprints.folder().
    """

    model: Mapping
    folder: Path | None
    memory: Path | None = None

    @property
    def place(self) -> Path | None:
        """Its folder, for one on the hub the folder in the hub's cache; None if it is not there yet."""
        if self.folder:
            return self.folder
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.model["id"], INDEX, revision=self.model["revision"])
        return Path(found).parent if isinstance(found, str) else None

    @property
    def locked(self) -> bool:
        """Whether it is a commit of the hub, in the folder that the hub's cache names by it."""
        return self.folder is not None and self.folder.name == self.model["fingerprint"]

    def state(self) -> tuple:
        """Differs when a file was replaced, edited, added or removed."""
        stats = [(str(file), file.stat()) for file in self._files()]
        return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats)

    def size(self) -> int:
        """The bytes on disk: about what the weights take in memory, or more if several variants lie there."""
        return sum(file.stat().st_size for file in self._files())

    def check(self) -> None:
        """Raises a StrataError if the files are not there, or no longer those which the pass was planned with."""
        if self.locked:
            if not (self.folder / INDEX).is_file():
                raise StrataError(
                    f"The model {self.model['id']} is not on this machine: models.lock.yaml asks for its commit "
                    f"{self.model['revision']}, and {self.folder} is missing. Where there is a network: snakemake --cores 1 "
                    "models (HF_HOME says where it goes, and must be the same here)."
                )
        elif fingerprints.folder(self.folder, self.memory) != self.model["fingerprint"]:
            raise StrataError(
                f"The model in {self.folder} changed after the build began. Build again: then all layers are made by one."
            )

    def parts(self) -> dict[str, tuple]:
        """The identity of each component, by its name: equal ones hold the same weights in the same precision."""
        place = self.place
        if not place or not (place / INDEX).is_file():
            return {}
        index = json.loads((place / INDEX).read_text(encoding="utf-8"))
        return {
            name: (*kind, self.model["variant"], self.model["dtype"], self._content(place / name))
            for name, kind in index.items()
            if name not in UNSHARED and isinstance(kind, list) and (place / name).is_dir()
        }

    def _content(self, folder: Path) -> str:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        if files and all(file.resolve().parent.name == "blobs" for file in files):
            # The hub's cache names what it keeps by its digest.
            return repr([(file.relative_to(folder).as_posix(), file.resolve().name) for file in files])
        return fingerprints.folder(folder, self.memory)

    def _files(self) -> list[Path]:
        place = self.place
        files = place.rglob("*") if place else ()
        return sorted(file for file in files if file.suffix in fingerprints.MODEL_FILES and file.is_file())
