"""What the Snakefile asks: params, inputs and resources of each rule as functions of wildcards."""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, Generic, Literal, TypeVar, overload

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

Result = TypeVar("Result")

KINDS: tuple[Literal["subject", "effect"], ...] = ("subject", "effect")
"""The layers that have a wildcard of their own."""


class of_wildcards(Generic[Result]):  # noqa: N801, it is used as a decorator
    """A method that Snakemake asks with wildcards, and whose StrataError ends Snakemake with its sentence.

    Its signature is at hand: Snakemake looks at it several times for each job, and putting it together anew each time would
    be a fifteenth of a dry run of many scenes.
    """

    SIGNATURE = Signature([Parameter("wildcards", Parameter.POSITIONAL_OR_KEYWORD)])

    def __init__(self, method: Callable[[Any, Any], Result]):
        self._method = method

    @overload
    def __get__(self, rules: None, owner: type) -> "of_wildcards[Result]": ...
    @overload
    def __get__(self, rules: "SceneRules", owner: type) -> Callable[[Any], Result]: ...
    def __get__(self, rules: "SceneRules | None", owner: type) -> Any:
        if rules is None:
            return self

        @with_sentences
        def ask(wildcards: Any) -> Result:
            return self._method(rules, wildcards)

        ask.__signature__ = self.SIGNATURE  # type: ignore[attr-defined]
        ask.__doc__ = self._method.__doc__
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
        self.finished = {
            "picture": f"{paths.RESULTS}/{{scene}}{paths.final('')}",
            "stack": self.layer_files,
            "depth": self.stack_depth,
        }
        """What is read of a finished scene, by the names that inputs have."""

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
    def effective(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("scene", wildcards).spec

    @of_wildcards
    def find(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("find", wildcards).spec

    @of_wildcards
    def searched(self, wildcards: Any) -> list[str]:
        """The layers of the picture in which the text of a mask is looked for, bottom to top."""
        return _in_results(self._layer("find", wildcards).sees)

    @of_wildcards
    def estimate(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("depth", wildcards).spec

    @of_wildcards
    def estimated(self, wildcards: Any) -> list[str]:
        """The layers of the picture whose depth is estimated, bottom to top."""
        return _in_results(self._layer("depth", wildcards).sees)

    @of_wildcards
    def mask(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("mask", wildcards).spec

    @of_wildcards
    def mask_image(self, wildcards: Any) -> list[str]:
        """The file of an image mask, if the subject has one."""
        return _own_file(self._layer("mask", wildcards))

    @of_wildcards
    def mask_layer(self, wildcards: Any) -> list[str]:
        """The layer whose opacity a mask follows, if it follows one."""
        return _in_results(self._layer("mask", wildcards).sees)

    @of_wildcards
    def mask_found(self, wildcards: Any) -> list[str]:
        """What the text of a mask names, as it was found, if there is a text."""
        found = self._layer("mask", wildcards).found
        return [] if found is None else _in_results((found,))

    @of_wildcards
    def gpu(self, wildcards: Any) -> int:
        """The devices that a background, a subject or an effect takes: none if it is an image as it is."""
        rule: Rule = next((kind for kind in KINDS if hasattr(wildcards, kind)), "background")
        return _count_devices(self._layer(rule, wildcards))

    @of_wildcards
    def background(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("background", wildcards).spec

    @of_wildcards
    def background_image(self, wildcards: Any) -> list[str]:
        """The file of a background that is made of an image."""
        return _own_file(self._layer("background", wildcards))

    @of_wildcards
    def subject(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("subject", wildcards).spec

    @of_wildcards
    def subject_image(self, wildcards: Any) -> list[str]:
        """The file of a subject that is an image."""
        return _own_file(self._layer("subject", wildcards))

    @of_wildcards
    def subject_mask(self, wildcards: Any) -> list[str]:
        """The mask of a subject, if it has one."""
        mask = self._layer("subject", wildcards).mask
        return [] if mask is None else _in_results((mask,))

    @of_wildcards
    def plate(self, wildcards: Any) -> list[str]:
        """The layers beneath a subject, bottom to top."""
        return _in_results(self._layer("subject", wildcards).sees)

    @of_wildcards
    def check(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("check", wildcards).spec

    @of_wildcards
    def checked(self, wildcards: Any) -> list[str]:
        """The layers beneath a subject that is checked, bottom to top, and the subject."""
        return _in_results(self._layer("check", wildcards).sees)

    @of_wildcards
    def effect(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("effect", wildcards).spec

    @of_wildcards
    def effect_image(self, wildcards: Any) -> list[str]:
        """The file of an effect that is an image."""
        return _own_file(self._layer("effect", wildcards))

    @of_wildcards
    def composite(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("composite", wildcards).spec

    @of_wildcards
    def stack(self, wildcards: Any) -> list[str]:
        """What the composite flattens: the layers, bottom to top, one file for each entry, or the refined picture."""
        return _in_results(self._layer("composite", wildcards).sees)

    @of_wildcards
    def depth(self, wildcards: Any) -> list[str]:
        """The depth picture that the composite reads, if it needs one."""
        layer = self._layer("composite", wildcards)
        return _own_file(layer) if layer.depth is None else _in_results((layer.depth,))

    @of_wildcards
    def refine(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("refine", wildcards).spec

    @of_wildcards
    def layer_files(self, wildcards: Any) -> list[str]:
        """The layers of the stack, bottom to top, one file for each entry."""
        return _in_results(self.layers.stack(wildcards.scene))

    @of_wildcards
    def compared(self, wildcards: Any) -> list[str]:
        """The finished pictures that a page can put beside its own."""
        return _in_results(tuple(paths.final(folder) for folder in self.scenes.compared(wildcards.scene)))

    @of_wildcards
    def stack_depth(self, wildcards: Any) -> list[str]:
        """The depth picture that layers of the stack follow, if any does."""
        image, depth = self.layers.stack_depth(wildcards.scene)
        return _in_results((depth,)) if depth else [local(image)] if image else []

    @of_wildcards
    def upscale(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("upscale", wildcards).spec

    @of_wildcards
    def upscale_gpu(self, wildcards: Any) -> int:
        """The devices that it takes to make the picture larger: none if no model does it."""
        return _count_devices(self._layer("upscale", wildcards))

    @of_wildcards
    def sweep(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("sweep", wildcards).spec

    @of_wildcards
    def sweep_pictures(self, wildcards: Any) -> list[str]:
        """The final pictures of a sweep's cells."""
        return _in_results(self._layer("sweep", wildcards).sees)

    @of_wildcards
    def psd(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("psd", wildcards).spec

    @of_wildcards
    def openraster(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("openraster", wildcards).spec

    @of_wildcards
    def view(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("view", wildcards).spec

    @of_wildcards
    def sweep_view(self, wildcards: Any) -> Mapping[str, Any]:
        return self._layer("sweep_view", wildcards).spec

    def guides(self, rule: Rule) -> Callable[[Any], Any]:
        """A function of wildcards: the pictures that guide a pass, its reference and then what its ControlNet follows."""

        @with_sentences
        def find(wildcards: Any) -> list[str]:
            guides = self._layer(rule, wildcards).guides
            return [local(guide.file) if guide.own else f"{paths.RESULTS}/{guide.file}" for guide in guides]

        find.__signature__ = of_wildcards.SIGNATURE  # type: ignore[attr-defined]
        return find

    def changes(self, rule: Rule) -> Callable[[Any], Any]:
        """A function of wildcards for the input of a rule: a file that is newer than its layer if the layer is stale.

        So Snakemake makes it again, whatever it remembers itself. For any other layer the file counts as ancient.
        """

        @with_sentences
        def find(wildcards: Any) -> Any:
            layer = self._layer(rule, wildcards)
            if self.comparison.compare(layer, self.results):
                self.comparison.flag(f"{self.results}{layer.file}")
                return local(str(CHANGED))
            return ancient(local(str(CHANGED)))

        find.__signature__ = of_wildcards.SIGNATURE  # type: ignore[attr-defined]
        return find

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


def _in_results(files: tuple[str, ...]) -> list[str]:
    return [f"{paths.RESULTS}/{file}" for file in files]


def _own_file(layer: Layer) -> list[str]:
    """A file that the config names, relative to the working directory also where this workflow is a module."""
    return [] if layer.image is None else [local(layer.image)]


def _count_devices(layer: Layer) -> int:
    """The devices that a layer takes: none if no model makes it."""
    return 1 if layer.is_pass else 0
