"""The plan: what a build would do to each layer, why, and how long it will take, before it does it.

It is worked out from the records, as the build itself decides, without Snakemake: in a tenth of a second, also while a build is
under way, and for a config that nobody has saved.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from strata import mask_extents
from strata.errors import StrataError
from strata.files import expand_user
from strata.mask_extents import Box
from strata.painting import history, journal
from strata.painting.store import Store, make_key
from strata.passes import Pass
from strata.runtime import StoreSettings
from strata.scene import paths
from strata.scene.layer import Layer
from strata.scene.layers import Layers
from strata.scene.scenes import Scenes
from strata.seals import read_seal
from strata.workflow import reasons, recipes, records
from strata.workflow.estimates import BUILD, Estimates
from strata.workflow.records import Comparison

Action = Literal["keep", "paint", "store", "draw", "composite", "enlarge", "write", "export"]

ACTIONS: Mapping[str, Action] = {
    "background": "draw",
    "subject": "draw",
    "mask": "draw",
    "effect": "draw",
    "composite": "composite",
    "upscale": "enlarge",
    "scene": "write",
    "sweep": "write",
    "sweep_view": "write",
    "psd": "export",
    "openraster": "export",
    "view": "export",
}
"""What becomes of a layer that no model paints, by its rule."""

LOOKS = ("find", "depth", "check")
"""The rules whose models look at a picture, and paint none."""

HOW = {
    "background": "drawn",
    "subject": "drawn",
    "mask": "drawn",
    "effect": "drawn",
    "composite": "composited",
    "upscale": "enlarged",
    "scene": "written",
    "sweep": "laid out",
    "sweep_view": "exported",
    "psd": "exported",
    "openraster": "exported",
    "view": "exported",
}
"""The words that the history has for what no model paints, by its rule."""


@dataclass(frozen=True)
class Step:
    """What happens to one layer.

    Attributes:
        layer: its file.
        why: the reasons, in the words of the config; empty for a layer that is kept.
        seconds: what it takes, its model at hand; None where no such work was ever done here.
        certain: False for a pass that would be painted, but may come from the store: what it sees is not painted yet.
        kind: of a pass, see history.measure(); None for another layer.
    """

    layer: str
    rule: str
    action: Action
    why: tuple[str, ...] = ()
    seconds: float | None = 0.0
    certain: bool = True
    kind: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Plan:
    """What a build would do.

    Attributes:
        steps: all layers that the targets need, each after those that it is made from.
        starting: the seconds until a worker is up and its models are loaded.
        beside: the seconds of the build itself; None where none was ever measured here.
        price_per_hour: of the device, in whatever currency; None where the config gives none.
    """

    steps: tuple[Step, ...]
    starting: float
    beside: float | None
    price_per_hour: float | None = None

    @property
    def to_do(self) -> tuple[Step, ...]:
        """The steps that do something."""
        return tuple(step for step in self.steps if step.why)

    @property
    def passes(self) -> tuple[Step, ...]:
        """The passes that are painted."""
        return tuple(step for step in self.steps if step.action == "paint")

    @property
    def device_seconds(self) -> float:
        """The seconds that a device is taken: its passes and their loading. What is unknown counts nothing."""
        return sum(step.seconds or 0.0 for step in self.passes) + self.starting

    @property
    def wall_seconds(self) -> float:
        """The seconds from the command to its end, one job at a time. What is unknown counts nothing."""
        if not self.to_do:
            return 0.0
        return sum(step.seconds or 0.0 for step in self.to_do) + self.starting + (self.beside or 0.0)

    @property
    def unknown(self) -> int:
        """The passes whose seconds are unknown."""
        return sum(step.seconds is None for step in self.passes)

    @property
    def price(self) -> float | None:
        """What the device seconds cost; None where the config gives no price."""
        return None if self.price_per_hour is None else self.price_per_hour * self.device_seconds / 3600


@dataclass(frozen=True)
class Outlook:
    """What is known ahead of a layer's file: whether a job makes it, and the digest that it will have, if that is known."""

    runs: bool
    digest: str | None


class Planner:
    """Works out plans for the scenes of one config.

    Args:
        held: the models that the worker holds, as it says them; None if no worker is up.
        results: the folder of all results as jobs see it, with its slash.
    """

    def __init__(self, layers: Layers, comparison: Comparison, held: Sequence[str] | None, results: str = "results/"):
        self._layers, self._comparison, self._results = layers, comparison, results
        self._held = held
        self._recipes = recipes.read()
        self._estimates = Estimates(history.read())
        self._failed = {entry["layer"] for entry in journal.read() if entry["how"] == journal.FAILED}
        self._store = _open_store(layers.scenes.runtime.store)
        self._outlooks: dict[str, Outlook] = {}
        self._steps: list[Step] = []

    def plan(self, files: Sequence[str]) -> Plan:
        """The plan for some files, relative to the folder of all results.

        Raises:
            StrataError: no scene has such a file, or the config is wrong.
        """
        self._outlooks, self._steps = {}, []
        for file in files:
            self._look(file)
        to_do = [step for step in self._steps if step.why]
        beside = self._estimates.seconds(BUILD, len(to_do)) if to_do else 0.0
        price = self._layers.scenes.runtime.price_per_hour
        return Plan(tuple(self._steps), self._starting(to_do), beside, price)

    def _look(self, file: str) -> Outlook:
        if file in self._outlooks:
            return self._outlooks[file]
        layer = self._layers.find(file)
        if layer.file != file:  # what a job makes beside its layer
            return self._look(layer.file)
        inputs = {name: self._look(name) for name in layer.inputs}
        path = f"{self._results}{file}"
        current = self._comparison.digest(path)
        why = self._explain(layer, path, current, inputs)
        if not why:
            outlook = Outlook(False, current)
            self._steps.append(Step(path, layer.rule, "keep"))
        else:
            outlook = self._decide(layer, path, current, inputs, tuple(why))
        self._outlooks[file] = outlook
        return outlook

    def _explain(self, layer: Layer, path: str, current: str | None, inputs: Mapping[str, Outlook]) -> list[str]:
        record = records.read(path)
        why = ["failed last time"] if path in self._failed else []
        if current is None:
            return [*why, reasons.MISSING if record is None else "its file is gone"]
        changes = self._comparison.compare(layer, self._results)
        why += reasons.explain(layer, [change for change in changes if change != reasons.SCENE], record)
        for name, outlook in inputs.items():
            if outlook.runs:
                reason = _explain_input(layer, name)
                why += [reason] if reason not in why else []
        if not why:  # a picture carries its scene: what of that changed is a reason where there is no other
            why = reasons.explain(layer, changes, record)
        return why if why != ["failed last time"] else []

    def _decide(
        self, layer: Layer, path: str, current: str | None, inputs: Mapping[str, Outlook], why: tuple[str, ...]
    ) -> Outlook:
        known = self._expect(layer, inputs)
        if not layer.is_pass:
            action = ACTIONS[layer.rule]
            seconds = self._estimates.seconds(HOW[layer.rule], _count_work(layer))
            self._steps.append(Step(path, layer.rule, action, why, seconds))
            return Outlook(True, known.digest if known else None)
        spec = cast(Pass, layer.spec)
        key, digest = (known.key, known.digest) if known else (None, None)
        if not layer.inputs and not layer.own_files:
            key = make_key(spec, b"")
        kind, work = history.measure(spec, self._count_pixels(layer))
        if current is not None and (current == digest or (key is not None and _seal_of(path) == key)):
            step = Step(path, layer.rule, "keep", why, self._estimates.seconds("fetch", 1) or 0.0, kind=kind)
            digest = current
        elif key is not None and (entry := self._store.find(key)) is not None:
            step = Step(path, layer.rule, "store", why, self._estimates.seconds("fetch", 1) or 0.0, kind=kind)
            digest = digest or self._comparison.digest(str(entry))
        else:
            # A window may show what it once showed, whatever changed beside it.
            whole = spec["task"] != "inpaint" or spec["context"] is None
            certain = key is not None or (whole and all(self._outlooks[name].digest for name in layer.inputs))
            seconds = self._estimates.seconds(kind, work)
            step = Step(path, layer.rule, "paint", why, seconds, certain, kind, spec["model"]["id"])
        self._steps.append(step)
        return Outlook(True, digest)

    def _expect(self, layer: Layer, inputs: Mapping[str, Outlook]) -> recipes.Result | None:
        """The layer that came out when it was made from just what it would be made from; None if it never was."""
        read = [(f"{self._results}{name}", outlook.digest) for name, outlook in inputs.items()]
        read += [(file, self._comparison.digest(file)) for file in layer.own_files]
        known = [(path, digest) for path, digest in read if digest is not None]
        if len(known) < len(read):
            return None
        return self._recipes.get(recipes.digest_recipe(layer.spec, known))

    def _starting(self, to_do: Sequence[Step]) -> float:
        """The seconds until a worker is up and the models of some steps are loaded."""
        painted = {step.kind: step.model for step in to_do if step.action == "paint" and step.kind}
        if not painted:
            return 0.0
        start = self._estimates.starting() if self._held is None else 0.0
        return start + sum(
            self._estimates.loading(kind)
            for kind, model in painted.items()
            if not any(held.startswith(f"{model} (") and kind.split()[0] in held for held in self._held or ())
        )

    def _count_pixels(self, layer: Layer) -> float:
        """The pixels that a pass sees: those of the canvas, or of the window round its mask."""
        width, height = layer.spec["width"], layer.spec["height"]
        margin = layer.spec.get("context")
        if layer.mask is None or margin is None:
            return float(width * height)
        drawn = self._layers.find(layer.mask).spec
        scale = drawn["scale"]
        box = mask_extents.mask_box(drawn["mask"], Box(0, 0, width / scale, height / scale), scale).grown(
            margin / scale
        )
        sides = (
            min(box.right * scale, width) - max(box.left, 0) * scale,
            min(box.bottom * scale, height) - max(box.top, 0) * scale,
        )
        return math.prod(sides)


def _explain_input(layer: Layer, name: str) -> str:
    """Why a layer is made again when a file is that it is made from."""
    if name == layer.mask:
        return "its mask is drawn again"
    if name == layer.depth:
        return "the depth that it follows is estimated again"
    return "what its text names is found again" if name == layer.found else reasons.sees(Path(name).stem)


def _count_work(layer: Layer) -> float:
    """What the seconds of a layer grow with that no model paints, see Job.finish()."""
    if layer.rule in ("sweep", "sweep_view"):
        return len(layer.sees)
    return float(layer.spec.get("width", 1) * layer.spec.get("height", 1))


def _seal_of(path: str) -> str | None:
    try:
        return read_seal(Path(path).read_bytes())
    except OSError:
        return None


def _open_store(settings: StoreSettings) -> Store:
    shared = None if settings.shared is None else expand_user(settings.shared)
    return Store(expand_user(settings.folder), settings.limit_gb * 1e9, shared)


def describe(plan: Plan) -> dict[str, Any]:
    """The plan as plain values, for programs."""
    return {
        "steps": [
            {
                "layer": step.layer,
                "rule": step.rule,
                "action": step.action,
                "why": list(step.why),
                "seconds": None if step.seconds is None else round(step.seconds, 3),
                "certain": step.certain,
            }
            for step in plan.steps
        ],
        "passes": len(plan.passes),
        "unknown": plan.unknown,
        "device_seconds": round(plan.device_seconds, 3),
        "wall_seconds": round(plan.wall_seconds, 3),
        "price": None if plan.price is None else round(plan.price, 4),
    }


def lines(plan: Plan, kept: bool = False, also: Collection[str] = ()) -> Iterator[str]:
    """The plan as a table, one line for each layer that something happens to, and its totals.

    Args:
        kept: whether the layers that are kept have lines, too.
        also: layers that have lines in any case.
    """
    shown = [step for step in plan.steps if step.why or kept or step.layer in also]
    rows = [(step.layer.removesuffix(".png"), _word(step), _seconds(step), "; ".join(step.why)) for step in shown]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    for layer, word, seconds, why in rows:
        yield f"{layer:<{widths[0]}}  {word:<{widths[1]}}  {seconds:>{widths[2]}}  {why}".rstrip()
    yield total(plan)


def total(plan: Plan) -> str:
    """One line about the whole plan."""
    if not plan.to_do:
        return "Nothing to do: all layers are right."
    count = len(plan.passes)
    fetched = sum(step.action == "store" for step in plan.steps)
    parts = [f"{count} {'pass' if count == 1 else 'passes'} to paint"]
    if fetched:
        parts.append(f"{fetched} from the store")
    if plan.unknown:
        parts.append(f"{plan.unknown} of unknown length")
    about = "at least" if plan.unknown else "about"
    parts.append(f"{about} {plan.device_seconds:.0f} s on the device, {plan.wall_seconds:.0f} s in all")
    if plan.price is not None:
        parts.append(f"{plan.price:.2f} at {plan.price_per_hour:g} an hour")
    return ", ".join(parts)


def _word(step: Step) -> str:
    words = {"store": "from the store", "write": "lay out" if step.rule == "sweep" else "write"}
    if step.rule in LOOKS:
        words["paint"] = "look"
    return words.get(step.action, step.action) + ("" if step.certain else "?")


def _seconds(step: Step) -> str:
    if not step.why:
        return ""
    return "unknown" if step.seconds is None else f"{step.seconds:.1f} s"


def find_targets(scenes: Scenes, targets: Sequence[str]) -> list[str]:
    """The files, relative to the folder of all results, of targets as `snakemake` takes them.

    Args:
        targets: files under results/; none, or `all`, for the final picture of every scene.

    Raises:
        StrataError: a target is neither.
    """
    files = []
    for target in targets or ["all"]:
        if target == "all":
            files += [paths.final(folder) for folder in scenes.folders()]
        elif target.startswith(f"{paths.RESULTS}/"):
            files.append(target.removeprefix(f"{paths.RESULTS}/"))
        else:
            raise StrataError(
                f"The target {target!r} is no file under {paths.RESULTS}/. Ask for {paths.RESULTS}/final.png, for example."
            )
    return files
