"""All scenes of a workflow, found by the wildcards of its files. Standard library and YAML only."""

from collections.abc import Mapping
from inspect import Parameter, Signature
from pathlib import Path

from strata import attempts, fingerprints
from strata.configs import merged, read_yaml
from strata.errors import StrataError
from strata.scene import SCHEMA, Scene
from strata.schema import Schema
from strata.sweeps import Sweep
from strata.variations import SIGN, varied

RUNTIME, SWEEPS = Schema("runtime"), Schema("sweeps")  # read and compiled when first needed

RESULTS = "results"
FOLDERS = ("masks", "subjects", "effects", "sweeps")


class of_wildcards:  # noqa: N801, it is used as a decorator
    """A method that is asked with wildcards. Its signature is at hand: it is looked at several times for each job of a build,
    and putting it together anew each time would be a fifteenth of a dry run of many scenes.
    """

    SIGNATURE = Signature([Parameter("wildcards", Parameter.POSITIONAL_OR_KEYWORD)])

    def __init__(self, method):
        self._method = method

    def __get__(self, scenes, _=None):
        def ask(wildcards):
            return self._method(scenes, wildcards)

        ask.__signature__ = self.SIGNATURE
        ask.__doc__ = self._method.__doc__
        return ask


class Scenes:
    """All scenes of a workflow, as functions of wildcards, which is what Snakemake asks.

    `{scene}` is the folder of a scene under results/: empty for the config itself, `night/` for scenes/night.yaml, and with
    a variation below either, `background.seed~78/` or `night/background.seed~78/`.
    """

    wildcard = rf"(?:(?!(?:{'|'.join(FOLDERS)})/)[^/{SIGN}]+/)?(?:[^/]*{SIGN}[^/]*/)?"
    layer_wildcard = SCHEMA.document["definitions"]["name"]["pattern"].strip("^$")

    def __init__(self, config: Mapping, folder: str = "scenes"):
        self.runtime = RUNTIME.complete(config.get("runtime", {}), "the config's runtime")
        self._sweeps = SWEEPS.complete(config.get("sweeps") or {}, "the config's sweeps")
        self._base = {key: value for key, value in config.items() if key not in ("runtime", "sweeps")}
        self._folder = Path(folder)
        self._known = {}
        self._loaded = {"": Scene(self._base, "config.yaml", self._known)}

    def pictures(self) -> list[str]:
        """The final picture of every scene."""
        return [f"{RESULTS}/{directory}final.png" for directory in self._directories()]

    @of_wildcards
    def hub_models(self, wildcards) -> list[dict]:
        """The models on the hub that the scenes name, each once."""
        named = [model for directory in self._directories() for model in self.find(directory).hub_models()]
        distinct = {}
        for model in named:
            distinct.setdefault((model["id"], model["revision"], model["variant"]), model)
        return list(distinct.values())

    def _directories(self) -> list[str]:
        return ["", *(f"{name}/" for name in sorted(path.stem for path in self._folder.glob("*.yaml")))]

    @of_wildcards
    def background(self, wildcards) -> dict:
        spec = self._of(wildcards).background()
        return _marked(spec, f"{RESULTS}/{wildcards.scene}background.png")

    @of_wildcards
    def effect(self, wildcards) -> dict:
        self._named(wildcards, "effects", wildcards.effect)
        spec = self._of(wildcards).effect(wildcards.effect)
        return _marked(spec, f"{RESULTS}/{wildcards.scene}effects/{wildcards.effect}.png")

    @of_wildcards
    def effect_image(self, wildcards) -> list[str]:
        """The file of an effect that an image gives."""
        image = self._named(wildcards, "effects", wildcards.effect)["image"]
        return [] if image is None else [image]

    @of_wildcards
    def effect_gpu(self, wildcards) -> int:
        """The devices that an effect takes: none if an image gives it."""
        return 0 if self.effect_image(wildcards) else 1

    @of_wildcards
    def mask(self, wildcards) -> dict:
        self._named(wildcards, "subjects", wildcards.subject)
        spec = self._of(wildcards).mask(wildcards.subject)
        return _marked(spec, f"{RESULTS}/{wildcards.scene}masks/{wildcards.subject}.png")

    @of_wildcards
    def mask_image(self, wildcards) -> list[str]:
        """The file of an image mask, if the subject has one."""
        image = self._named(wildcards, "subjects", wildcards.subject)["mask"]["image"]
        return [] if image is None else [image]

    @of_wildcards
    def subject(self, wildcards) -> dict:
        self._named(wildcards, "subjects", wildcards.subject)
        spec = self._of(wildcards).inpaint(wildcards.subject)
        return _marked(spec, f"{RESULTS}/{wildcards.scene}subjects/{wildcards.subject}.png")

    @of_wildcards
    def plate(self, wildcards) -> list[str]:
        """The layers beneath a subject, bottom to top."""
        self._named(wildcards, "subjects", wildcards.subject)
        scene = self._of(wildcards)
        return [self._layer(wildcards, scene, name) for name in scene.plate(wildcards.subject)]

    @of_wildcards
    def composite(self, wildcards) -> dict:
        return _marked(self._of(wildcards).composite(), f"{RESULTS}/{wildcards.scene}final.png")

    @of_wildcards
    def stack(self, wildcards) -> list[str]:
        """The layers that the composite flattens, bottom to top, one file for each entry."""
        scene = self._of(wildcards)
        return [self._layer(wildcards, scene, entry["layer"]) for entry in scene.stack]

    @of_wildcards
    def upscale(self, wildcards) -> dict:
        spec = self._of(wildcards).upscale(int(wildcards.factor))
        return _marked(spec, f"{RESULTS}/{wildcards.scene}final@{wildcards.factor}x.png")

    @of_wildcards
    def upscale_gpu(self, wildcards) -> int:
        """The devices that it takes to make the picture larger: none if no model does it."""
        return 0 if self._of(wildcards).description["upscale"]["method"] == "lanczos" else 1

    @of_wildcards
    def sweep(self, wildcards) -> dict:
        sweep = self.find_sweep(wildcards.sweep)
        spec = {"cells": sweep.cells(), "columns": sweep.columns, "width": sweep.width}
        return _marked(spec | {"code": fingerprints.code("contact_sheets")}, f"{RESULTS}/sweeps/{wildcards.sweep}.png")

    @of_wildcards
    def sweep_pictures(self, wildcards) -> list[str]:
        """The final pictures of a sweep's cells."""
        return [f"{RESULTS}/{folder}final.png" for folder in self.find_sweep(wildcards.sweep).folders()]

    def find_sweep(self, name: str) -> Sweep:
        """A sweep by its name."""
        if name not in self._sweeps:
            known = ", ".join(self._sweeps) or "none"
            raise StrataError(f"The config's sweeps have no {name}. There are: {known}.")
        return Sweep(name, self._sweeps[name])

    @of_wildcards
    def effective(self, wildcards) -> dict:
        scene = self._of(wildcards)
        return _marked({"scene": scene.effective(), "notes": scene.notes()}, f"{RESULTS}/{wildcards.scene}scene.yaml")

    def _layer(self, wildcards, scene: Scene, name: str) -> str:
        kind = "subjects/" if name in scene.subjects else "effects/" if name in scene.effects else ""
        return f"{RESULTS}/{wildcards.scene}{kind}{name}.png"

    def _named(self, wildcards, section: str, name: str) -> dict:
        scene = self._of(wildcards)
        if name not in scene.description[section]:
            known = ", ".join(scene.description[section]) or "none"
            raise StrataError(f"{scene.source}: {section} has no {name}. There are: {known}.")
        return scene.description[section][name]

    def _of(self, wildcards) -> Scene:
        return self.find(wildcards.scene)

    def find(self, directory: str) -> Scene:
        """A scene by its folder under results/, with its slash."""
        if directory not in self._loaded:
            above, _, name = directory.rstrip("/").rpartition("/")
            if SIGN in name:
                self._loaded[directory] = self._vary(self.find(f"{above}/" if above else ""), name)
            else:
                self._loaded[directory] = self._load(name)
        return self._loaded[directory]

    def _vary(self, scene: Scene, name: str) -> Scene:
        return Scene(varied(scene.effective(), name), f"{scene.source} with {name}", self._known)

    def _load(self, name: str) -> Scene:
        path = self._folder / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(path.stem for path in self._folder.glob("*.yaml"))) or "none"
            raise StrataError(f"There is no scene {name}: {path} is missing. Scenes in {self._folder}/: {known}.")
        return Scene(merged(self._base, read_yaml(path)), path.as_posix(), self._known)


def _marked(spec: dict, layer: str) -> dict:
    return spec | {"mark": attempts.mark(layer)}
