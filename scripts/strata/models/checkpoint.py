"""The files of a model: where they lie, whether they changed, and which of two models' parts are the same."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.fingerprints import fingerprint_folder, list_model_files
from strata.models.kinds import INDEX
from strata.passes import PassModel

# What a pass changes while it runs: never shared.
UNSHARED = ("scheduler",)


@dataclass(frozen=True)
class Checkpoint:
    """A model, as a pass names it.

    Attributes:
        model: the keys of the scene's schema (`id`, `revision`, `variant`, `dtype`) and the fingerprint.
        folder: where it lies; None for one on the hub that no lock names.
        memory: the file in which digests are remembered, see fingerprints.py.
        index: what its folder holds, INDEX or CONFIG.
    """

    model: PassModel
    folder: Path | None
    memory: Path | None = None
    index: str = INDEX

    def find(self) -> Path | None:
        """Its folder, for one on the hub the folder in the hub's cache; None if it is not there yet."""
        if self.folder:
            return self.folder
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.model["id"], self.index, revision=self.model["revision"])
        return Path(found).parent if isinstance(found, str) else None

    def _is_locked(self) -> bool:
        """Whether it is a commit of the hub, in the folder that the hub's cache names by it."""
        return self.folder is not None and self.folder.name == self.model["fingerprint"]

    def state(self) -> tuple[Any, ...]:
        """Differs when a file was replaced, edited, added or removed."""
        stats = [(str(file), file.stat()) for file in self._files()]
        return tuple((name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino) for name, stat in stats)

    def size(self) -> int:
        """The bytes on disk: about what the weights take in memory, or more if several variants lie there."""
        files = self._files()
        variant = self.model["variant"]
        # A repository may hold its weights in several precisions, of which one is loaded.
        suffix = f".{variant}.safetensors" if variant else ""
        chosen = [file for file in files if not file.name.endswith(".safetensors") or file.name.endswith(suffix)]
        return sum(file.stat().st_size for file in (chosen if variant else _without_variants(files)))

    def check(self) -> None:
        """Raises a StrataError if the files are not there, or no longer those which the pass was planned with.

        A model on the hub that no lock names may not be here yet: it is fetched when it is loaded.
        """
        if self.folder is None:
            return
        if self._is_locked():
            if not (self.folder / self.index).is_file():
                raise StrataError(
                    f"The model {self.model['id']} is not on this machine: models.lock.yaml asks for its commit "
                    f"{self.model['revision']}, and {self.folder} is missing. Run `strata fetch` where there is a network, with "
                    "the same HF_HOME as here."
                )
        elif fingerprint_folder(self.folder, self.memory) != self.model["fingerprint"]:
            raise StrataError(
                f"The model in {self.folder} changed after the build began. Build again: then all layers are made by one."
            )
        if self.index == INDEX:
            _check_sample_size(self.folder)

    def explain(self, reason: str) -> str:
        """The sentence about a pipeline that could not be loaded, and what to do."""
        if self._is_locked():
            remedy = (
                "models.lock.yaml asks for it. Run `strata fetch` where there is a network: it fetches what is missing."
            )
        elif self.folder:
            parts = "all parts that model_index.json names, with safetensors weights"
            if self.index != INDEX:
                parts = f"{self.index} and safetensors weights"
            remedy = f"Its folder must hold {parts}. Copy it again."
        else:
            remedy = (
                "Run `strata fetch` where there is a network, name its `variant` if the hub has its safetensors only as fp16, or "
                "give a folder."
            )
        return f"The model {self.model['id']} could not be loaded: {reason}. {remedy}"

    def parts(self) -> dict[str, tuple[Any, ...]]:
        """The identity of each component, by its name: equal ones hold the same weights in the same precision."""
        folder = self.find()
        if not folder or not (folder / INDEX).is_file():
            return {}
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        speed = json.dumps(self.model.get("speed"), sort_keys=True)
        return {
            name: (*kind, self.model["variant"], self.model["dtype"], speed, self._identify_files(folder / name))
            for name, kind in index.items()
            if name not in UNSHARED and isinstance(kind, list) and (folder / name).is_dir()
        }

    def _identify_files(self, folder: Path) -> str:
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        if files and all(file.resolve().parent.name == "blobs" for file in files):
            # The hub's cache names what it keeps by its digest.
            return repr([(file.relative_to(folder).as_posix(), file.resolve().name) for file in files])
        return fingerprint_folder(folder, self.memory)

    def _files(self) -> list[Path]:
        folder = self.find()
        return list_model_files(folder) if folder else []


def _without_variants(files: list[Path]) -> list[Path]:
    """The files without weights that lie there in another precision, such as model.fp16.safetensors beside model.safetensors."""
    there = set(files)

    def is_variant(file: Path) -> bool:
        plain = file.with_name(f"{file.name.split('.')[0]}.safetensors")
        return file.suffix == ".safetensors" and file != plain and plain in there

    return [file for file in files if not is_variant(file)]


def _check_sample_size(folder: Path) -> None:
    """Refuses a UNet without a sample size, which diffusers compares with a number. Upscalers may have none."""
    config = folder / "unet/config.json"
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    if not config.is_file() or "Upscale" in str(index.get("_class_name")):
        return
    settings = json.loads(config.read_text(encoding="utf-8"))
    if "sample_size" in settings and settings["sample_size"] is None:
        raise StrataError(
            f"{config} has `sample_size: null`, which diffusers cannot load. Set it to the side of the pictures that the model "
            "was made for, in latent cells: 64 for Stable Diffusion 1.5."
        )
