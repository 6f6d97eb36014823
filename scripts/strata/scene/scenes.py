"""All scenes of a working directory: config.yaml, the files in scenes/, and the variations of either."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.installation import WORKFLOW
from strata.models.reference import HubModel, Known
from strata.runtime import Runtime
from strata.scene import paths
from strata.scene.description import SCHEMA
from strata.scene.scene import Scene
from strata.scene.sweeps import Sweep
from strata.scene.variations import SIGN, vary
from strata.schema import Schema, dotted
from strata.state import MODEL_DIGESTS
from strata.yaml_files import merge, read_yaml

RUNTIME, SWEEPS = Schema("runtime"), Schema("sweeps")  # read and compiled when first needed

PRESETS = WORKFLOW / "models"

RESERVED = (*paths.SECTIONS, paths.SWEEPS)
"""The folders under results/ that are no scene's."""

NAMED = re.compile(rf"(?:[^/{SIGN}]+/)?(?:[^/]*{SIGN}[^/]*/)?")
"""The folder of a scene or a variation under results/."""


class Scenes:
    """All scenes, by their folder under results/.

    The folder is empty for the config itself, `night/` for scenes/night.yaml, and with a variation below either,
    `background.seed~78/` or `night/background.seed~78/`.

    Args:
        config: the content of config.yaml.
        folder: where the other scenes are described.
        unsaved: what stands in for the content of some of their files, by the scene's name.
    """

    def __init__(
        self, config: Mapping[str, Any], folder: str = "scenes", unsaved: Mapping[str, Mapping[str, Any]] | None = None
    ):
        self.runtime = read_runtime(config)
        self._sweeps = SWEEPS.complete(config.get("sweeps") or {}, "config.yaml", ["sweeps"])
        self._base = {key: value for key, value in config.items() if key not in ("runtime", "sweeps")}
        self._described_in = Path(folder)
        self._unsaved = unsaved or {}
        self._models = Known(MODEL_DIGESTS if self.runtime.trust_times else None)
        self._loaded = {"": self._make(self._base, "config.yaml")}

    @property
    def sweeps(self) -> Collection[str]:
        """The names of all sweeps."""
        return self._sweeps.keys()

    @property
    def loaded(self) -> dict[str, Scene]:
        """The scenes that were asked for so far, by their folders."""
        return self._loaded

    def folders(self) -> list[str]:
        """The folder of every scene, without variations.

        Raises:
            StrataError: a scene has a name that its results cannot have.
        """
        for name in self._names():
            self._check_name(name)
        return ["", *(f"{name}/" for name in self._names())]

    def _names(self) -> list[str]:
        """The names of the files in scenes/. Those that begin with a dot are an editor's or a system's own."""
        found = (path.stem for path in self._described_in.glob("*.yaml"))
        return sorted(name for name in found if not name.startswith("."))

    def _check_name(self, name: str) -> None:
        if name in RESERVED or SIGN in name:
            raise StrataError(
                f"{self._described_in}/{name}.yaml cannot be a scene: results/{name}/ holds something else. Give the file another name, "
                f"without {SIGN} and none of {', '.join(RESERVED)}."
            )

    def find(self, folder: str) -> Scene:
        """A scene by its folder under results/, with its slash."""
        if folder not in self._loaded:
            above, _, name = folder.rstrip("/").rpartition("/")
            if SIGN in name:
                self._loaded[folder] = self._vary(self.find(f"{above}/" if above else ""), name)
            else:
                self._loaded[folder] = self._load(name)
        return self._loaded[folder]

    def compared(self, folder: str) -> list[str]:
        """The folders of the scenes and variations that a scene's page puts beside it.

        Raises:
            StrataError: one of them is no scene.
        """
        scene = self.find(folder)
        compared = []
        for number, name in enumerate(scene.description["compare"]):
            other = "" if name == "." else f"{name.rstrip('/')}/"
            try:
                if not NAMED.fullmatch(other):
                    raise StrataError("It must be a folder under results/, such as night or night/fog.opacity~0.5.")
                self.find(other)
            except StrataError as error:
                raise StrataError(f"{scene.source}: compare[{number}] is {name!r}. {error}") from None
            compared.append(other)
        return [other for other in compared if other != folder]

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

    def _vary(self, scene: Scene, name: str) -> Scene:
        compared = {"compare": scene.description["compare"]}
        return self._make({**vary(scene.effective(), name), **compared}, f"{scene.source} with {name}")

    def _load(self, name: str) -> Scene:
        path = self._described_in / f"{name}.yaml"
        self._check_name(name)
        if not path.is_file():
            known = ", ".join(self._names()) or "none"
            raise StrataError(f"There is no scene {name}: {path} is missing. Scenes in {self._described_in}/: {known}.")
        change = self._unsaved[name] if name in self._unsaved else read_yaml(path)
        return self._make(lay_over(self._base, change, path.as_posix()), path.as_posix())

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
    if not isinstance(described, Mapping) or not isinstance(name := described.get("preset"), str):
        return described
    known = sorted(path.stem for path in PRESETS.glob("*.yaml"))
    if name not in known:
        raise StrataError(
            f"{source}: preset is {name!r}, but there is no such file in {PRESETS}. There are: {', '.join(known)}."
        )
    return lay_over(read_yaml(PRESETS / f"{name}.yaml"), described, source)


def lay_over(base: Mapping[str, Any], change: Mapping[str, Any], source: str) -> Any:
    """A scene's values laid over those that it builds on; null takes a key away.

    Raises:
        StrataError: a null takes nothing away, since there is no such key. It is a misspelt key, or prose that YAML reads as one.
    """
    for path in _find_nulls(change, ()):
        if not (_holds(base, path) or SCHEMA.knows(path)):
            raise StrataError(
                f"{source}: {dotted(path)} is null, which takes a key away, but there is no such key. Correct its name, or "
                "put text that holds commas or colons in quotes."
            )
    return merge(base, change)


def _find_nulls(mapping: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in mapping.items():
        if value is None:
            yield (*above, key)
        elif isinstance(value, Mapping):
            yield from _find_nulls(value, (*above, key))


def _holds(mapping: object, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(mapping, Mapping) or key not in mapping:
            return False
        mapping = mapping[key]
    return True
