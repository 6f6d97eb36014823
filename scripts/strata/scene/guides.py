"""Pictures that guide a pass: a reference, one for style, and what a ControlNet follows.

What is wrong with them is said before a model is loaded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from strata.errors import StrataError
from strata.models import families, kinds, reference
from strata.passes import ControlPicture, Guide, PassControl, PassModel
from strata.scene.description import Control, Model, Passed, Reference, Style


class Source(NamedTuple):
    """Where a picture comes from that guides a pass: a file of the user's, or a layer by its name, or that layer's depth."""

    image: str | None
    layer: str | None
    is_depth: bool


class Guides:
    """The guides of a scene's passes.

    Args:
        models: those of the scene, by name.
        known: what was found out of models already.
        source: the file that a sentence names.
        check_file: refuses a picture file, given with its key, that is not there or lies outside the workflow's folder.
    """

    def __init__(
        self,
        models: Mapping[str, Model],
        known: reference.Known,
        source: str,
        check_file: Callable[[str, str], None],
    ):
        self._models, self._known, self._source, self._check_file = models, known, source, check_file

    def check(self, key: str, described: Passed, model: str, task: str, earlier: Sequence[str]) -> None:
        """Refuses guides that a pass cannot have.

        Args:
            key: the pass in the scene, such as subjects.astronaut.
            model: the name of the model that paints it.
            task: what the pipeline does, see families.Task.
            earlier: the layers that are painted before it.

        Raises:
            StrataError: what is wrong, and what to do.
        """
        where, painter = f"{self._source}: {key}", self._models[model]
        named = f"{where} is painted by models.{model}, {painter['id']!r}"
        kind = self._known.find_class(
            painter["id"], painter["revision"], painter["variant"], f"{self._source}: models.{model}"
        )
        shown, style, control = described["reference"], described["style"], described["control"]
        for name, guide in (("reference", shown), ("style", style)):
            if guide is not None:
                self._check_picture(f"{where}.{name}", guide["image"], guide["layer"], "layer", earlier)
        weight = None if shown is None else shown["weight"]
        if kind is not None and (reason := families.refuse_reference(kind, task, weight)):
            raise StrataError(f"{named}, a {kind}, {reason}.")
        controlled = None
        if control is not None:
            self._check_control(f"{where}.control", control, task, earlier)
            config = self._find_controlnet(control)
            controlnet = config.get("_class_name")
            if kind is not None and isinstance(controlnet, str):
                controlled, reason = families.find_controlled(kind, controlnet, task)
                only_inpaints = self._known.only_inpaints(painter["id"])
                if reason := reason or _refuse_control(
                    controlled or "", controlnet, task, control["kind"], only_inpaints
                ):
                    raise StrataError(f"{named}, a {kind}, {reason}.")
                self._check_channels(f"{where}.control", control["model"], controlnet, config, task)
        if style is not None and kind is not None and (reason := families.refuse_style(kind, controlled)):
            raise StrataError(f"{named}, a {kind}, {reason}.")

    def resolve_control(self, control: Control | None) -> PassControl | None:
        """A ControlNet as a pass needs it."""
        if control is None:
            return None
        return {
            "model": self._resolve(control["model"]),
            "kind": control["kind"],
            "scale": control["scale"],
            "mode": control["mode"],
        }

    def hub_model(self, name: str) -> reference.HubModel | None:
        """A ControlNet on the hub; None for one in a folder."""
        model, where = self._models[name], f"{self._source}: models.{name}"
        if not reference.is_on_hub(model["id"], where, kinds.CONFIG):
            return None
        return {
            "id": model["id"],
            "revision": model["revision"],
            "variant": model["variant"],
            "where": where,
            "index": kinds.CONFIG,
        }

    def _resolve(self, name: str) -> PassModel:
        model, where = self._models[name], f"{self._source}: models.{name}"
        return self._known.resolve(
            model["id"], model["revision"], model["variant"], model["dtype"], where, kinds.CONFIG
        )

    def _find_controlnet(self, control: Control) -> Mapping[str, object]:
        """What a ControlNet says of itself; nothing for one on the hub that is not here yet."""
        model, where = self._models[control["model"]], f"{self._source}: models.{control['model']}"
        config = self._known.find_config(model["id"], model["revision"], model["variant"], where, kinds.CONFIG)
        found = config.get("_class_name")
        if not reference.is_on_hub(model["id"], where, kinds.CONFIG) and "ControlNet" not in str(found):
            raise StrataError(
                f"{where}.id is {model['id']!r}, whose {kinds.CONFIG} names {found or 'no class'}: it is no ControlNet of "
                "diffusers. Name the folder of one, which says so in its `_class_name`."
            )
        return config

    def _check_channels(self, where: str, name: str, controlnet: str, config: Mapping[str, object], task: str) -> None:
        if reason := families.refuse_channels(controlnet, config, task):
            raise StrataError(
                f"{where}.model is {name!r}, but models.{name}, {self._models[name]['id']!r}, does not fit: {reason}. Name another "
                "one."
            )

    def _check_control(self, where: str, control: Control, task: str, earlier: Sequence[str]) -> None:
        if control["model"] not in self._models:
            raise StrataError(
                f"{where}.model is {control['model']!r}, but models has none of that name. There are: "
                f"{', '.join(self._models)}. Add the ControlNet to models."
            )
        if control["kind"] == families.PLATE:
            _check_plate(where, control, task)
        else:
            self._check_picture(where, control["image"], control["of"], "of", earlier)
        low, high = control["thresholds"]
        if low > high:
            raise StrataError(f"{where}.thresholds are {low:g} and {high:g}, but the low one comes first. Swap them.")

    def _check_picture(
        self, where: str, image: str | None, layer: str | None, layer_key: str, earlier: Sequence[str]
    ) -> None:
        if (image is None) == (layer is None):
            raise StrataError(f"{where} needs either an image or a layer (the key `{layer_key}`), and not both.")
        if image is not None:
            self._check_file(image, f"{where}.image")
        elif layer not in earlier:
            raise StrataError(
                f"{where}.{layer_key} is {layer!r}, but no layer of that name is painted before this one. There are: "
                f"{', '.join(earlier) or 'none'}. Name one of them, or give an image."
            )


def _refuse_control(controlled: str, controlnet: str, task: str, kind: str, only_inpaints: bool) -> str | None:
    """Why a pipeline cannot paint with a ControlNet: the end of a sentence; None if it can."""
    return families.refuse_union(controlnet, task, only_inpaints) or families.refuse_kind(controlled, task, kind)


def _check_plate(where: str, control: Control, task: str) -> None:
    """Refuses a ControlNet for the plate where there is none, or beside a picture."""
    if task != "inpaint":
        raise StrataError(
            f"{where}.kind is {families.PLATE}, but only a subject has a plate, what lies beneath it. Give another kind, or take "
            "`control` out."
        )
    for key, given in (("image", control["image"]), ("of", control["of"])):
        if given is not None:
            raise StrataError(
                f"{where}.{key} is {given!r}, but of kind {families.PLATE} a ControlNet follows the subject's own plate and mask, "
                f"and no other picture. Take `{key}` out, or give another kind."
            )


def as_guide(described: Reference | Style | None) -> Guide | None:
    """The picture of a reference or a style, as a pass has it."""
    return None if described is None else {"image": described["image"], "layer": described["layer"]}


def as_control_picture(described: Control | None) -> ControlPicture | None:
    """The picture that a ControlNet follows, as a pass has it; None if it follows none but the plate."""
    if described is None or described["kind"] == families.PLATE:
        return None
    return {
        "image": described["image"],
        "layer": described["of"],
        "fit": described["fit"],
        "thresholds": described["thresholds"],
    }


def list_guides(described: Passed) -> list[Source]:
    """Where the pictures come from that guide a pass, in the order of passes.GUIDES."""
    shown = [guide for guide in (described["reference"], described["style"]) if guide is not None]
    found = [Source(guide["image"], guide["layer"], False) for guide in shown]
    control = described["control"]
    if control and control["kind"] != families.PLATE:
        found.append(Source(control["image"], control["of"], control["kind"] == "depth"))
    return found
