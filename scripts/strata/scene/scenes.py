"""All scenes of a working directory: config.yaml, the files in scenes/, and the variations of either."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.installation import WORKFLOW
from strata.models.reference import HubModel, Known
from strata.runtime import Runtime
from strata.scene import paths
from strata.scene.scene import Scene
from strata.scene.sweeps import Sweep
from strata.scene.variations import SIGN, vary
from strata.schema import Schema
from strata.state import MODEL_DIGESTS
from strata.yaml_files import merge, read_yaml

RUNTIME, SWEEPS = Schema("runtime"), Schema("sweeps")  # read and compiled when first needed

PRESETS = WORKFLOW / "models"


class Scenes:
    """All scenes, by their folder under results/.

    The folder is empty for the config itself, `night/` for scenes/night.yaml, and with a variation below either,
    `background.seed~78/` or `night/background.seed~78/`.

    Args:
        config: the content of config.yaml.
        folder: where the other scenes are described.
    """

    def __init__(self, config: Mapping[str, Any], folder: str = "scenes"):
        self.runtime = read_runtime(config)
        self._sweeps = SWEEPS.complete(config.get("sweeps") or {}, "config.yaml", ["sweeps"])
        self._base = {key: value for key, value in config.items() if key not in ("runtime", "sweeps")}
        self._described_in = Path(folder)
        self._models = Known(MODEL_DIGESTS if self.runtime.trust_times else None)
        self._loaded = {"": self._make(self._base, "config.yaml")}

    @property
    def loaded(self) -> dict[str, Scene]:
        """The scenes that were asked for so far, by their folders."""
        return self._loaded

    def folders(self) -> list[str]:
        """The folder of every scene, without variations."""
        return ["", *(f"{name}/" for name in sorted(path.stem for path in self._described_in.glob("*.yaml")))]

    def find(self, folder: str) -> Scene:
        """A scene by its folder under results/, with its slash."""
        if folder not in self._loaded:
            above, _, name = folder.rstrip("/").rpartition("/")
            if SIGN in name:
                self._loaded[folder] = self._vary(self.find(f"{above}/" if above else ""), name)
            else:
                self._loaded[folder] = self._load(name)
        return self._loaded[folder]

    def find_sweep(self, name: str) -> Sweep:
        """A sweep by its name."""
        if name not in self._sweeps:
            known = ", ".join(self._sweeps) or "none"
            raise StrataError(f"config.yaml: sweeps has no {name}. There are: {known}.")
        return Sweep(name, self._sweeps[name])

    def hub_models(self) -> list[HubModel]:
        """The models on the hub that the scenes name, each once."""
        distinct: dict[tuple[str, str | None, str | None], HubModel] = {}
        for folder in self.folders():
            for model in self.find(folder).hub_models():
                distinct.setdefault((model["id"], model["revision"], model["variant"]), model)
        return list(distinct.values())

    def find_leftovers(self, results: Path) -> Iterator[Path]:
        """The files under results/ that a build once made and that no scene or sweep names any more, sorted.

        Files that no rule could have made are left alone.

        Raises:
            StrataError: a scene is wrong. Its files are no leftovers.
        """
        for path in sorted(path for path in results.rglob("*") if path.is_file()):
            name = path.relative_to(results).as_posix()
            if not self._is_known(name):
                yield path

    def _is_known(self, name: str) -> bool:
        section, _, rest = name.partition("/")
        if section == paths.SWEEPS:
            return Path(rest).suffix not in (".png", ".tsv") or Path(rest).stem in self._sweeps
        file = paths.FILE.fullmatch(name)
        if file is None:
            return True
        described_in = "".join(f"{part}/" for part in file["folder"].split("/")[:-1] if SIGN not in part)
        if described_in not in self.folders():
            return False
        self.find(described_in)
        try:
            scene = self.find(file["folder"])
        except StrataError:
            return False  # a variation by a key that the scene no longer has
        if file["name"] == paths.refined(""):
            return scene.description["refine"] is not None
        kind, _, layer = file["name"].partition("/")
        known: dict[str, Mapping[str, object]] = {
            "masks": scene.masks,
            "subjects": scene.subjects,
            "effects": scene.effects,
        }
        return not layer or Path(layer).stem in known[kind]

    def _vary(self, scene: Scene, name: str) -> Scene:
        return self._make(vary(scene.effective(), name), f"{scene.source} with {name}")

    def _load(self, name: str) -> Scene:
        path = self._described_in / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(path.stem for path in self._described_in.glob("*.yaml"))) or "none"
            raise StrataError(f"There is no scene {name}: {path} is missing. Scenes in {self._described_in}/: {known}.")
        return self._make(merge(self._base, read_yaml(path)), path.as_posix())

    def _make(self, described: object, source: str) -> Scene:
        return Scene(apply_preset(described, source), source, self._models)


def read_runtime(config: Mapping[str, Any]) -> Runtime:
    """How jobs run, as the content of config.yaml says."""
    return Runtime.from_mapping(RUNTIME.complete(config.get("runtime") or {}, "config.yaml", ["runtime"]))


def apply_preset(described: object, source: str) -> Any:
    """A scene laid over the preset that it names. What the scene says itself wins.

    Args:
        source: the file that the sentence of a StrataError names.
    """
    name = described.get("preset") if isinstance(described, Mapping) else None
    if not isinstance(name, str):
        return described
    known = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if name not in known:
        raise StrataError(
            f"{source}: preset is {name!r}, but there is no such file in {PRESETS}. There are: {', '.join(known)}."
        )
    return merge(read_yaml(PRESETS / f"{name}.yaml"), described)
