"""What the Snakefile asks: params, inputs and resources of each rule as functions of wildcards."""

from collections.abc import Callable, Mapping
from inspect import Parameter, Signature
from typing import Any, Generic, TypeVar, overload

from snakemake.io import ancient, local

from strata.code_digests import digest_code
from strata.errors import StrataError
from strata.exits import with_sentences
from strata.models.reference import HubModel
from strata.passes import (
    Composite,
    DrawnImage,
    DrawnMask,
    EffectiveScene,
    ImageToImage,
    Inpaint,
    PaintedEffect,
    Photograph,
    PlacedImage,
    Refine,
    Sheet,
    TextToImage,
    Upscale,
)
from strata.scene import paths
from strata.scene.description import SCHEMA
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.scene.variations import SIGN
from strata.state import CHANGED
from strata.workflow.records import Comparison

Result = TypeVar("Result")


WILDCARDS = ("scene", "subject", "effect", "factor", "sweep")
"""All that a rule's files can hold."""


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

        name, answers = self._method.__name__, rules.answers

        @with_sentences
        def ask(wildcards: Any) -> Result:
            # A rule's input and its params ask the same; working it out twice would be a tenth of a dry run of many scenes.
            question = name, *(getattr(wildcards, part, None) for part in WILDCARDS)
            if question not in answers:
                answers[question] = self._method(rules, wildcards)
            answer: Result = answers[question]
            return answer

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
        self.answers: dict[tuple[Any, ...], Any] = {}
        self.scenes = Scenes(config)
        self.runtime = self.scenes.runtime
        self.results = results
        self._comparison = comparison

    @with_sentences
    def pictures(self) -> list[str]:
        """The final picture of every scene."""
        return [f"{paths.RESULTS}/{paths.final(folder)}" for folder in self.scenes.folders()]

    @of_wildcards
    def hub_models(self, wildcards: Any) -> list[HubModel]:
        """The models on the hub that the scenes name, each once."""
        return self.scenes.hub_models()

    @of_wildcards
    def effective(self, wildcards: Any) -> EffectiveScene:
        scene = self._of(wildcards)
        return {"scene": scene.effective(), "notes": scene.notes(), "code": digest_code("scene")}

    @of_wildcards
    def mask(self, wildcards: Any) -> DrawnMask:
        return self._with_mask(wildcards).mask(wildcards.subject)

    @of_wildcards
    def mask_image(self, wildcards: Any) -> list[str]:
        """The file of an image mask, if the subject has one."""
        return _own_file(self._with_mask(wildcards).masks[wildcards.subject]["image"])

    @of_wildcards
    def mask_layer(self, wildcards: Any) -> list[str]:
        """The layer whose opacity a mask follows, if it follows one."""
        scene = self._with_mask(wildcards)
        return [self._layer(wildcards, scene, name) for name in scene.mask_layers(wildcards.subject)]

    @of_wildcards
    def background(self, wildcards: Any) -> TextToImage | ImageToImage | Photograph:
        return self._of(wildcards).background()

    @of_wildcards
    def background_image(self, wildcards: Any) -> list[str]:
        """The file of a background that is made of an image."""
        return _own_file(self._of(wildcards).description["background"]["image"])

    @of_wildcards
    def background_gpu(self, wildcards: Any) -> int:
        """The devices that the background takes: none if it is an image as it is."""
        return 0 if self._of(wildcards).description["background"]["prompt"] is None else 1

    @of_wildcards
    def subject(self, wildcards: Any) -> Inpaint | PlacedImage:
        return self._with_subject(wildcards).subject(wildcards.subject)

    @of_wildcards
    def subject_image(self, wildcards: Any) -> list[str]:
        """The file of a subject that is an image."""
        return _own_file(self._with_subject(wildcards).subjects[wildcards.subject]["image"])

    @of_wildcards
    def subject_mask(self, wildcards: Any) -> list[str]:
        """The mask of a subject, if it has one."""
        masked = wildcards.subject in self._with_subject(wildcards).masks
        return [f"{paths.RESULTS}/{paths.mask(wildcards.scene, wildcards.subject)}"] if masked else []

    @of_wildcards
    def subject_gpu(self, wildcards: Any) -> int:
        """The devices that a subject takes: none if it is an image."""
        return 1 if self._with_subject(wildcards).subjects[wildcards.subject]["image"] is None else 0

    @of_wildcards
    def plate(self, wildcards: Any) -> list[str]:
        """The layers beneath a subject, bottom to top."""
        scene = self._with_subject(wildcards)
        return [self._layer(wildcards, scene, name) for name in scene.plate(wildcards.subject)]

    @of_wildcards
    def effect(self, wildcards: Any) -> PaintedEffect | DrawnImage:
        return self._with_effect(wildcards).effect(wildcards.effect)

    @of_wildcards
    def effect_image(self, wildcards: Any) -> list[str]:
        """The file of an effect that is an image."""
        return _own_file(self._with_effect(wildcards).effects[wildcards.effect]["image"])

    @of_wildcards
    def effect_gpu(self, wildcards: Any) -> int:
        """The devices that an effect takes: none if it is an image."""
        return 1 if self._with_effect(wildcards).effects[wildcards.effect]["image"] is None else 0

    @of_wildcards
    def composite(self, wildcards: Any) -> Composite:
        return self._of(wildcards).composite()

    @of_wildcards
    def stack(self, wildcards: Any) -> list[str]:
        """What the composite flattens: the layers, bottom to top, one file for each entry, or the refined picture."""
        if self._of(wildcards).description["refine"] is not None:
            return [f"{paths.RESULTS}/{paths.refined(wildcards.scene)}"]
        return self.layers(wildcards)

    @of_wildcards
    def depth(self, wildcards: Any) -> list[str]:
        """The depth picture that the composite reads, if it needs one."""
        depth = self.composite(wildcards)["depth"]
        return _own_file(depth and depth["image"])

    @of_wildcards
    def refine_depth(self, wildcards: Any) -> list[str]:
        """The depth picture that the refined layers follow, if they do."""
        depth = self.refine(wildcards)["depth"]
        return _own_file(depth and depth["image"])

    @of_wildcards
    def refine(self, wildcards: Any) -> Refine:
        return self._of(wildcards).refine()

    @of_wildcards
    def layers(self, wildcards: Any) -> list[str]:
        """The layers of the stack, bottom to top, one file for each entry."""
        scene = self._of(wildcards)
        return [self._layer(wildcards, scene, entry["layer"]) for entry in scene.stack]

    @of_wildcards
    def upscale(self, wildcards: Any) -> Upscale:
        return self._of(wildcards).upscale(int(wildcards.factor))

    @of_wildcards
    def upscale_gpu(self, wildcards: Any) -> int:
        """The devices that it takes to make the picture larger: none if no model does it."""
        return 0 if self._of(wildcards).description["upscale"]["method"] == "lanczos" else 1

    @of_wildcards
    def sweep(self, wildcards: Any) -> Sheet:
        sweep = self.scenes.find_sweep(wildcards.sweep)
        return {
            "cells": sweep.cells(),
            "columns": sweep.columns,
            "width": sweep.width,
            "code": digest_code("sheet"),
        }

    @of_wildcards
    def sweep_pictures(self, wildcards: Any) -> list[str]:
        """The final pictures of a sweep's cells."""
        folders = self.scenes.find_sweep(wildcards.sweep).folders()
        return [f"{paths.RESULTS}/{paths.final(folder)}" for folder in folders]

    def changes(self, rule: str) -> Callable[[Any], Any]:
        """A function of wildcards for the input of a rule: a file that is newer than its layer if the layer is stale.

        So Snakemake makes it again, whatever it remembers itself. For any other layer the file counts as ancient.
        """

        @with_sentences
        def find(wildcards: Any) -> Any:
            file, spec, inputs = self._describe(rule, wildcards)
            layer = f"{self.results}{file}"
            if self._comparison.find_changes(layer, spec, inputs):
                self._comparison.flag(layer)
                return local(str(CHANGED))
            return ancient(local(str(CHANGED)))

        find.__signature__ = of_wildcards.SIGNATURE  # type: ignore[attr-defined]
        return find

    def _describe(self, rule: str, wildcards: Any) -> tuple[str, Mapping[str, Any], list[str]]:
        """A layer's file within the results, its spec, and the files that its job consumes."""
        match rule:
            case "scene":
                return paths.effective(wildcards.scene), self.effective(wildcards), []
            case "mask":
                file = paths.mask(wildcards.scene, wildcards.subject)
                layers = self._with_prefix(self.mask_layer(wildcards))
                return file, self.mask(wildcards), [*layers, *self.mask_image(wildcards)]
            case "background":
                return (
                    paths.background(wildcards.scene),
                    self.background(wildcards),
                    self.background_image(wildcards),
                )
            case "subject":
                layers = self._with_prefix([*self.plate(wildcards), *self.subject_mask(wildcards)])
                consumed = [*layers, *self.subject_image(wildcards)]
                return paths.subject(wildcards.scene, wildcards.subject), self.subject(wildcards), consumed
            case "effect":
                file = paths.effect(wildcards.scene, wildcards.effect)
                return file, self.effect(wildcards), self.effect_image(wildcards)
            case "refine":
                layers = self._with_prefix(self.layers(wildcards))
                return paths.refined(wildcards.scene), self.refine(wildcards), [*layers, *self.refine_depth(wildcards)]
            case "composite":
                consumed = [*self._with_prefix(self.stack(wildcards)), *self.depth(wildcards)]
                return paths.final(wildcards.scene), self.composite(wildcards), consumed
            case "upscale":
                consumed = self._with_prefix([f"{paths.RESULTS}/{paths.final(wildcards.scene)}"])
                return paths.enlarged(wildcards.scene, int(wildcards.factor)), self.upscale(wildcards), consumed
            case "sweep":
                return (
                    paths.sheet(wildcards.sweep),
                    self.sweep(wildcards),
                    self._with_prefix(self.sweep_pictures(wildcards)),
                )
        raise ValueError(f"There is no rule {rule} that makes a layer.")

    def _with_prefix(self, files: list[str]) -> list[str]:
        """Files under results/ as jobs see them."""
        return [f"{self.results}{file.removeprefix(f'{paths.RESULTS}/')}" for file in files]

    def _of(self, wildcards: Any) -> Scene:
        return self.scenes.find(wildcards.scene)

    def _with_subject(self, wildcards: Any) -> Scene:
        scene = self._of(wildcards)
        _check_known(scene, "subjects", wildcards.subject, scene.subjects)
        return scene

    def _with_mask(self, wildcards: Any) -> Scene:
        scene = self._with_subject(wildcards)
        if wildcards.subject not in scene.masks:
            raise StrataError(f"{scene.source}: subjects.{wildcards.subject} is an image without a mask.")
        return scene

    def _with_effect(self, wildcards: Any) -> Scene:
        scene = self._of(wildcards)
        _check_known(scene, "effects", wildcards.effect, scene.effects)
        return scene

    def _layer(self, wildcards: Any, scene: Scene, name: str) -> str:
        return f"{paths.RESULTS}/{paths.layer(wildcards.scene, scene, name)}"


def _own_file(path: str | None) -> list[str]:
    """A file that the config names, relative to the working directory also where this workflow is a module."""
    return [] if path is None else [local(path)]


def _check_known(scene: Scene, section: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise StrataError(f"{scene.source}: {section} has no {name}. There are: {', '.join(known) or 'none'}.")
