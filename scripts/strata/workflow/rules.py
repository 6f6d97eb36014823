"""What the Snakefile asks: params, inputs and resources of each rule as functions of wildcards."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, ParamSpec, TypeVar

from snakemake.io import ancient, local

from strata.exits import with_sentences
from strata.models.reference import HubModel
from strata.scene import paths
from strata.scene.description import SCHEMA
from strata.scene.exports import name_scene
from strata.scene.layer import Layer, Rule
from strata.scene.layers import Layers
from strata.scene.scenes import Scenes
from strata.scene.variations import SIGN
from strata.state import CHANGED
from strata.workflow.records import Comparison
from strata.workflow.snakemake_internals import name_parameters

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

KINDS: tuple[Literal["subject", "effect"], ...] = ("subject", "effect")
"""The layers that have a wildcard of their own."""

OF_AN_IMAGE: tuple[Rule, ...] = ("mask", "background", "subject", "effect")
"""The rules that may make a layer of an image of the user's. Another rule's image is a depth picture."""

SEEN: Mapping[Rule, str] = {"mask": "layer", "composite": "stack", "sweep": "pictures", "sweep_view": "pictures"}
"""What the layers are called, among a job's inputs, that its layer is made from; for any other rule they are the plate."""


def of_wildcards(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that Snakemake asks with wildcards, and whose StrataError ends Snakemake with its sentence."""
    ask = with_sentences(function)
    name_parameters(ask, "wildcards")
    return ask


class SceneRules:
    """The scenes of a config, as Snakemake asks for them.

    `{scene}` is the folder of a scene under results/, see scene/scenes.py.

    Args:
        config: the content of config.yaml.
        comparison: tells which layers were made from something else than what is there now.
        results: the folder of all results as jobs see it, with its slash: where this workflow is a module, its prefix is
            part of it.
    """

    wildcard = rf"(?:(?!(?:{'|'.join((*paths.SECTIONS, paths.SWEEPS))})/)[^/{SIGN}]+/)?(?:[^/]*{SIGN}[^/]*/)?"
    layer_wildcard = SCHEMA.document["definitions"]["name"]["pattern"].strip("^$")

    @with_sentences
    def __init__(self, config: Mapping[str, Any], comparison: Comparison, results: str = "results/"):
        self.scenes = Scenes(config)
        self.layers = Layers(self.scenes)
        self.runtime = self.scenes.runtime
        self.results = results
        self.comparison = comparison

    @with_sentences
    def pictures(self) -> list[str]:
        """The final picture of every scene."""
        return [f"{paths.RESULTS}/{paths.final(folder)}" for folder in self.scenes.folders()]

    @of_wildcards
    def exports(self, wildcards: Any) -> list[str]:
        """What the scenes list as exports. A function of wildcards, since only the rule `all` needs every scene."""
        return [
            f"{paths.RESULTS}/{paths.export(folder, name)}"
            for folder in self.scenes.folders()
            for name in self.scenes.find(folder).description["exports"]
        ]

    @of_wildcards
    def checks(self, wildcards: Any) -> list[str]:
        """What is said of the subjects of all scenes that are checked."""
        return [
            f"{paths.RESULTS}/{paths.verdict(folder, name)}"
            for folder in self.scenes.folders()
            for name, subject in self.scenes.find(folder).subjects.items()
            if subject["check"] is not None
        ]

    def in_report(self, caption: str, **labels: str) -> dict[str, Any]:
        """Where a file stands in Snakemake's report: the arguments of `report()`.

        Args:
            caption: the name of a file in report/.
            labels: by which it is told from others of its scene.
        """
        group = "Layers" if "kind" in labels else "Pictures"
        caption = f"report/{caption}.rst"
        return {"caption": caption, "category": self.title, "subcategory": group, "labels": labels}

    @of_wildcards
    def title(self, wildcards: Any) -> str:
        """The name of a scene or a variation in Snakemake's report."""
        return name_scene(wildcards.scene)

    @of_wildcards
    def hub_models(self, wildcards: Any) -> list[HubModel]:
        """The models on the hub that the scenes name, each once."""
        return self.scenes.hub_models()

    @of_wildcards
    def gpu(self, wildcards: Any) -> int:
        """The devices that a background, a subject or an effect takes: none if it is an image as it is."""
        rule: Rule = next((kind for kind in KINDS if hasattr(wildcards, kind)), "background")
        return _count_devices(self._layer(rule, wildcards))

    @of_wildcards
    def upscale_gpu(self, wildcards: Any) -> int:
        """The devices that it takes to make the picture larger: none if no model does it."""
        return _count_devices(self._layer("upscale", wildcards))

    def spec(self, rule: Rule) -> Callable[[Any], Mapping[str, Any]]:
        """A function of wildcards: what a rule knows about a layer, see passes.py."""
        return of_wildcards(lambda wildcards: self._layer(rule, wildcards).spec)

    def inputs(self, rule: Rule) -> Callable[[Any], dict[str, Any]]:
        """A function of wildcards: the files that a layer is made from, by the names that they have in a script.

        They are for `unpack`: to ask a function costs Snakemake more than what the function does, and so one tells all.
        """
        return of_wildcards(lambda wildcards: self._find_inputs(self._layer(rule, wildcards), wildcards))

    def _find_inputs(self, layer: Layer, wildcards: Any) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        if layer.rule == "upscale":
            inputs["picture"] = f"{paths.RESULTS}/{layer.sees[0]}"
        elif layer.rule in paths.EXPORTS:
            picture, *others = _in_results(*layer.sees)
            layers = len(self.layers.stack(wildcards.scene))
            inputs |= {"picture": picture, "stack": others[:layers], "compared": others[layers:]}
        else:
            inputs[SEEN.get(layer.rule, "plate")] = _in_results(*layer.sees)
        inputs |= {kind: _in_results(file) for kind in ("mask", "found", "depth") if (file := getattr(layer, kind))}
        if layer.image is not None:
            # Relative to the working directory, also where this workflow is a module.
            inputs["image" if layer.rule in OF_AN_IMAGE else "depth"] = [local(layer.image)]
        if layer.guides:
            inputs["guides"] = [
                local(guide.file) if guide.own else _in_results(guide.file)[0] for guide in layer.guides
            ]
        return inputs | {"changes": self._flag(layer)}

    def _flag(self, layer: Layer) -> Any:
        """A file that is newer than a layer that is stale, so that Snakemake makes it again, whatever it remembers itself.

        For any other layer the file counts as ancient.
        """
        if self.comparison.compare(layer, self.results):
            self.comparison.flag(f"{self.results}{layer.file}")
            return local(str(CHANGED))
        return ancient(local(str(CHANGED)))

    def _layer(self, rule: Rule, wildcards: Any) -> Layer:
        match rule:
            case "scene":
                return self.layers.scene(wildcards.scene)
            case "find":
                return self.layers.find_text(wildcards.scene, wildcards.subject)
            case "depth":
                return self.layers.estimate_depth(wildcards.scene, wildcards.layer)
            case "check":
                return self.layers.check(wildcards.scene, wildcards.subject)
            case "mask":
                return self.layers.mask(wildcards.scene, wildcards.subject)
            case "background":
                return self.layers.background(wildcards.scene)
            case "subject":
                return self.layers.subject(wildcards.scene, wildcards.subject)
            case "effect":
                return self.layers.effect(wildcards.scene, wildcards.effect)
            case "refine":
                return self.layers.refine(wildcards.scene)
            case "composite":
                return self.layers.composite(wildcards.scene)
            case "upscale":
                return self.layers.upscale(wildcards.scene, int(wildcards.factor))
            case "sweep":
                return self.layers.sweep(wildcards.sweep)
            case "sweep_view":
                return self.layers.sweep_view(wildcards.sweep)
            case "psd" | "openraster" | "view":
                return self.layers.export(wildcards.scene, rule)


def _in_results(*files: str) -> list[str]:
    return [f"{paths.RESULTS}/{file}" for file in files]


def _count_devices(layer: Layer) -> int:
    """The devices that a layer takes: none if no model makes it."""
    return 1 if layer.is_pass else 0
