"""A scene as the page shows it: its values, its layers with what a build would do to each, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict

from strata.errors import StrataError
from strata.painting import history
from strata.painting.worker_client import find_held
from strata.scene import paths
from strata.scene.edits import Edit, apply
from strata.scene.layers import Layers
from strata.scene.scene import Scene
from strata.scene.scene_files import SceneFile
from strata.scene.scenes import Scenes
from strata.studio.pictures import find_layer
from strata.studio.project import Project
from strata.studio.sentences import Wrong, describe_error
from strata.workflow import plan as plans
from strata.workflow.plan import Plan, Planner, Step
from strata.workflow.records import Comparison

Kind = Literal["background", "subject", "effect"]

MOST_PIXELS = 1_600_000
"""Of a picture that the page composites itself, while sliders move; larger ones are shown smaller."""

MOST_PRICED = 24
"""Edits that are priced one by one; with more of them only all together are."""


class LayerView(TypedDict):
    """A layer.

    Attributes:
        file: its path from the working directory.
        mask: the file of its mask; None without one.
        version: the digest of its file as it is there now; None if it is not there.
        mask_version: that of its mask.
        action, why, seconds, certain: what a build would do to it, see workflow/plan.py.
        took: the seconds of the pass that painted it last here.
    """

    name: str
    kind: Kind
    file: str
    mask: str | None
    version: str | None
    mask_version: str | None
    action: str
    why: list[str]
    seconds: float | None
    certain: bool
    took: float | None


class PlanView(TypedDict):
    """What a build would do: how many layers it touches, how many of them it paints, in words and in seconds."""

    to_do: int
    passes: int
    seconds: float
    said: str
    layers: list[str]


class SceneView(TypedDict):
    """A scene with some edits.

    Attributes:
        version: the digest of its file as it is saved.
        beneath: that of config.yaml, for a scene that is laid over it.
        effective: the complete scene with the edits.
        own: what the file itself says with the edits.
        size: of the picture, (width, height) in rendered pixels.
        scale: of what the page shows, in shown pixels per rendered pixel.
        refined: the file of the flattened stack as a pass painted it anew; None without one.
        afterwards: what happens to the flattened layers beside the finish, in words: the page cannot show it ahead.
        prices: of each edit alone; None for one that cannot stand alone, and all None if there are too many.
    """

    name: str
    source: str
    version: str
    beneath: str | None
    effective: dict[str, Any]
    own: dict[str, Any]
    size: list[int]
    scale: float
    layers: list[LayerView]
    refined: str | None
    final: str
    final_version: str | None
    plan: PlanView
    prices: list[PlanView | None]
    afterwards: list[str]
    remarks: list[str]


class SceneViews:
    """Describes the scenes of a project."""

    def __init__(self, project: Project):
        self._project = project

    def describe(self, name: str, edits: Sequence[Edit] = ()) -> SceneView:
        """A scene with some edits that are not saved.

        Raises:
            StrataError: something in it is wrong.
        """
        with self._project.working:
            read = self._project.read(name)
            edited = apply(read.file, edits)
            scenes = self._project.check(name, edited)
            comparison = Comparison(flags=False)
            plan = self._plan(scenes, name, comparison)
            scene = scenes.find(_folder(name))
            view = _describe(name, scene, Layers(scenes), plan, comparison)
            view["version"], view["beneath"] = read.version, read.beneath
            view["own"], view["source"] = edited.own(), read.file.source
            view["prices"] = self._price(name, read.file, edits, plan, comparison)
            if edits:
                view["remarks"] = self._remark(name, read.file, scenes)
            comparison.save()
            return view

    def find_wrong(self, name: str, edits: Sequence[Edit], error: StrataError) -> list[Wrong]:
        """What is wrong with some edits: of each that is wrong by itself its own sentence, or else that of all together."""
        found: dict[str, Wrong] = {}
        with self._project.working:
            try:
                file = self._project.read(name).file
                file.scene()
            except StrataError:
                return [describe_error(error)]
            for edit in edits[:MOST_PRICED]:
                try:
                    self._project.check(name, apply(file, [edit]))
                except StrataError as own:
                    found.setdefault(str(own), describe_error(own))
        return list(found.values()) or [describe_error(error)]

    def _plan(self, scenes: Scenes, name: str, comparison: Comparison) -> Plan:
        return Planner(Layers(scenes), comparison, find_held()).plan([paths.final(_folder(name))])

    def _price(
        self, name: str, file: SceneFile, edits: Sequence[Edit], whole: Plan, comparison: Comparison
    ) -> list[PlanView | None]:
        """What each edit costs alone, on top of what is to be done without any."""
        if len(edits) == 1:
            return [describe_plan(whole)]
        if len(edits) > MOST_PRICED:
            return [None] * len(edits)
        prices: list[PlanView | None] = []
        for edit in edits:
            try:
                prices.append(
                    describe_plan(self._plan(self._project.check(name, apply(file, [edit])), name, comparison))
                )
            except StrataError:
                prices.append(None)  # it builds on another one
        return prices

    def _remark(self, name: str, before: SceneFile, after: Scenes) -> list[str]:
        """What an edit of config.yaml makes wrong in other scenes, in sentences."""
        if name:
            return []
        remarks, saved = [], self._project.scenes(name, before)
        for folder in after.folders()[1:]:
            try:
                after.find(folder)
            except StrataError as error:
                if _is_sound(saved, folder):
                    remarks.append(f"Another scene becomes wrong: {error}")
        return remarks


def _is_sound(scenes: Scenes, folder: str) -> bool:
    try:
        scenes.find(folder)
    except StrataError:
        return False
    return True


def _folder(name: str) -> str:
    return f"{name}/" if name else ""


def _describe(name: str, scene: Scene, layers: Layers, plan: Plan, comparison: Comparison) -> SceneView:
    width, height = scene.size
    folder = _folder(name)
    final = f"{paths.RESULTS}/{paths.final(folder)}"
    steps = {step.layer: step for step in plan.steps}
    return {
        "name": name,
        "source": scene.source,
        "version": "",
        "beneath": None,
        "effective": scene.effective(),
        "own": {},
        "size": [width, height],
        "scale": min(1.0, (MOST_PIXELS / (width * height)) ** 0.5),
        "layers": [
            _describe_layer(scene, folder, layer, kind, layers, steps, comparison)
            for layer, kind in _list_layers(scene)
        ],
        "refined": f"{paths.RESULTS}/{layers.refine(folder).file}" if scene.description["refine"] else None,
        "final": final,
        "final_version": comparison.digest(final),
        "plan": describe_plan(plan),
        "prices": [],
        "afterwards": _list_afterwards(scene),
        "remarks": [],
    }


def _list_layers(scene: Scene) -> list[tuple[str, Kind]]:
    subjects: list[tuple[str, Kind]] = [(name, "subject") for name in scene.subjects]
    effects: list[tuple[str, Kind]] = [(name, "effect") for name in scene.effects]
    return [("background", "background"), *subjects, *effects]


def _describe_layer(
    scene: Scene, folder: str, name: str, kind: Kind, layers: Layers, steps: Mapping[str, Step], comparison: Comparison
) -> LayerView:
    layer = find_layer(scene, layers, folder, name)
    file = f"{paths.RESULTS}/{layer.file}"
    mask = None if layer.mask is None else f"{paths.RESULTS}/{layer.mask}"
    step = steps.get(file)
    return {
        "name": name,
        "kind": kind,
        "file": file,
        "mask": mask,
        "version": comparison.digest(file),
        "mask_version": None if mask is None else comparison.digest(mask),
        "action": step.action if step else "unused",
        "why": list(step.why) if step else [],
        "seconds": step.seconds if step else None,
        "certain": step.certain if step else True,
        "took": history.find_seconds(file),
    }


def _list_afterwards(scene: Scene) -> list[str]:
    listed = []
    if scene.description["refine"] is not None:
        listed.append("the refining pass")
    if scene.description["composite"]["depth_of_field"] is not None:
        listed.append("the depth of field")
    return listed


def describe_plan(plan: Plan) -> PlanView:
    """A plan for the page."""
    return {
        "to_do": len(plan.to_do),
        "passes": len(plan.passes),
        "seconds": round(plan.wall_seconds, 2),
        "said": plans.total(plan),
        "layers": [Path(step.layer).stem for step in plan.passes],
    }
