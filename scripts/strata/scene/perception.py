"""What models see in a scene's layers: masks by words, depth, and whether a subject is there."""

from collections.abc import Iterator

from strata import passes
from strata.code_digests import digest_code
from strata.errors import StrataError
from strata.models.kinds import CONFIG
from strata.models.reference import HubModel, Known, is_on_hub
from strata.passes import Mask, PassModel
from strata.scene.description import CheckSettings, Description, Model

FINDER, GAUGE = "text_to_mask", "depth"
"""The names of the models that find what a text names, and that estimate depth, where none is named."""

ALONE = ("id", "revision", "variant", "dtype")
"""What of an entry of `models` counts for a model that looks."""


class Perception:
    """The passes of a scene in which a model looks at layers.

    Args:
        description: of the scene, complete.
        size: the picture's (width, height) in rendered pixels.
        source: the file that a sentence about a wrong value names.
        models: what was found out of models already.
    """

    def __init__(self, description: Description, size: tuple[int, int], source: str, models: Known):
        self._described, self._size, self._source, self._models = description, size, source, models

    def text_mask(self, name: str) -> passes.TextMask:
        """The pass that finds what the mask of a subject says in words."""
        mask = self._mask(name)
        where = f"subjects.{name}.mask"
        if mask is None or mask["text"] is None:
            raise StrataError(
                f"{self._source}: {where} has no text, so that nothing is looked for. Add `text:`, what it covers."
            )
        return {
            "task": "text_to_mask",
            "text": mask["text"],
            "threshold": mask["threshold"],
            "choose": mask["choose"],
            "model": self._model(mask["model"] or FINDER),
            "edge": None if mask["edge"] is None else self._model(mask["edge"]),
            "plate": self.picture_of(mask["of"]),
            "width": self._size[0],
            "height": self._size[1],
            "scale": self._described["canvas"]["scale"],
            "where": f"{self._source}: {where}",
            "code": digest_code("text_to_mask"),
        }

    def depth(self, layer: str) -> passes.DepthEstimate:
        """The pass that estimates the depth of the picture as far as a layer."""
        known = ["background", *self._described["subjects"]]
        if layer not in known:
            raise StrataError(
                f"{self._source}: the depth of {layer} cannot be estimated. That can be of: {', '.join(known)}."
            )
        depth = self._described["depth"]
        return {
            "task": "depth",
            "model": self._model((depth and depth["model"]) or GAUGE),
            "plate": self.picture_of(layer),
            "width": self._size[0],
            "height": self._size[1],
            "code": digest_code("depth"),
        }

    def check(self, name: str, plate: list[str], context: int | None, cell: int) -> passes.Check:
        """The look at what a subject's mask shows, on a plate and in a window as its pass sees them, see passes.Inpaint."""
        check = self._described["subjects"][name]["check"]
        if check is None:
            raise StrataError(f"{self._source}: subjects.{name} has no check. Add `check: {{}}`.")
        return {
            "task": "check",
            "text": self._check_text(name, check),
            "threshold": check["threshold"],
            "context": context,
            "cell": cell,
            "model": self._model(check["model"] or FINDER),
            "plate": [*plate, name],
            "width": self._size[0],
            "height": self._size[1],
            "code": digest_code("check"),
        }

    def retry(self, name: str) -> passes.PassCheck | None:
        """What a subject's mask must show, or else another seed is tried; None if none is."""
        check = self._described["subjects"][name]["check"]
        if check is None or check["retries"] == 0:
            return None
        return {
            "text": self._check_text(name, check),
            "threshold": check["threshold"],
            "retries": check["retries"],
            "model": self._model(check["model"] or FINDER),
        }

    def _check_text(self, name: str, check: CheckSettings) -> str:
        return check["text"] or self._described["subjects"][name]["prompt"] or ""

    def picture_of(self, layer: str) -> list[str]:
        """The layers that make the picture as far as a layer, bottom to top: the background, and the subjects up to that one."""
        subjects = list(self._described["subjects"])
        return ["background", *subjects[: subjects.index(layer) + 1 if layer in subjects else 0]]

    def hub_models(self) -> list[HubModel]:
        """The models on the hub that look at layers of the scene."""
        found: list[HubModel] = []
        for name in dict.fromkeys(name for _, name in self._named()):
            model, where = self._described["models"][name], f"{self._source}: models.{name}"
            if is_on_hub(model["id"], where, CONFIG):
                found.append(
                    {
                        "id": model["id"],
                        "revision": model["revision"],
                        "variant": model["variant"],
                        "where": where,
                        "index": CONFIG,
                    }
                )
        return found

    def validate(self) -> None:
        """Refuses what cannot be looked for, and models that cannot look."""
        for name in self._described["subjects"]:
            if (mask := self._mask(name)) is not None:
                self._check_mask(name, mask)
            subject = self._described["subjects"][name]
            if subject["check"] is not None and subject["image"] is not None:
                raise StrataError(
                    f"{self._source}: subjects.{name}.check looks whether a prompt was painted, but the subject is an image. Leave it out."
                )
        self._check_depth()
        models = self._described["models"]
        for key, name in self._named():
            if name not in models:
                raise StrataError(
                    f"{self._source}: {key} is {name!r}, but models has none of that name. There are: {', '.join(models)}. "
                    "Name one of them, or add it to models."
                )
            self._check_model(name, models[name])

    def _named(self) -> Iterator[tuple[str, str]]:
        """The models that look: the key that names each, and its name in `models`."""
        for name in self._described["subjects"]:
            if (mask := self._mask(name)) is not None and mask["text"] is not None:
                yield f"subjects.{name}.mask.model", mask["model"] or FINDER
                if mask["edge"] is not None:
                    yield f"subjects.{name}.mask.edge", mask["edge"]
        for name, subject in self._described["subjects"].items():
            if (check := subject["check"]) is not None:
                yield f"subjects.{name}.check.model", check["model"] or FINDER
        depth = self._described["depth"]
        if (depth is not None and depth["of"] is not None) or self._is_controlled_by_depth():
            yield "depth.model", (depth and depth["model"]) or GAUGE

    def _is_controlled_by_depth(self) -> bool:
        """Whether a ControlNet follows depth that a model estimates."""
        described = self._described
        passes_ = [
            described["background"],
            described["refine"],
            *described["subjects"].values(),
            *described["effects"].values(),
        ]
        return any(
            (control := each["control"]) and control["kind"] == "depth" and control["of"] is not None
            for each in passes_
            if each is not None
        )

    def _mask(self, name: str) -> Mask | None:
        return self._described["subjects"][name]["mask"]

    def _model(self, name: str) -> PassModel:
        model = self._described["models"][name]
        where = f"{self._source}: models.{name}"
        return self._models.resolve(model["id"], model["revision"], model["variant"], model["dtype"], where, CONFIG)

    def _check_mask(self, name: str, mask: Mask) -> None:
        where = f"{self._source}: subjects.{name}.mask"
        if mask["text"] is None:
            named = {key: mask[key] for key in ("model", "edge") if mask[key] is not None}
            for key, value in named.items():
                raise StrataError(
                    f"{where}.{key} is {value!r}, but there is no text that it could find. Add `text:`, or leave {key} out."
                )
            return
        subjects = list(self._described["subjects"])
        earlier = ["background", *subjects[: subjects.index(name)]]
        if mask["of"] not in earlier:
            if mask["of"] == name:
                problem = "its own subject, which is painted into the mask"
            elif mask["of"] in subjects:
                problem = "which is painted later and sees this one"
            elif mask["of"] in self._described["effects"]:
                problem = "an effect, which lies in no picture that a subject sees"
            else:
                problem = "but no layer has that name"
            raise StrataError(
                f"{where}.of is {mask['of']!r}, {problem}. A text can be looked for in: {', '.join(earlier)}."
            )

    def _check_depth(self) -> None:
        """Refuses what is neither a picture nor an estimate, or both."""
        if (depth := self._described["depth"]) is None:
            return
        where, of = f"{self._source}: depth", depth["of"]
        if (depth["image"] is None) == (of is None):
            raise StrataError(
                f"{where} needs either an image, a depth picture of your own, or `of`, the layer whose depth a model estimates, and "
                "not both. In a scene's file, null takes a key away."
            )
        if of is None:
            if depth["near"] is None:
                raise StrataError(
                    f"{where}.near is missing: say whether near things are white or black in {depth['image']}."
                )
            if depth["model"] is not None:
                raise StrataError(
                    f"{where}.model is {depth['model']!r}, but the depth is that of an image. Give `of` instead of it, or leave model out."
                )
            return
        if depth["near"] is not None:
            raise StrataError(
                f"{where}.near is {depth['near']}, but it says what is near in an image, and there is none. Leave it out."
            )
        known = ["background", *self._described["subjects"]]
        if of not in known:
            raise StrataError(
                f"{where}.of is {of!r}, whose depth cannot be estimated. Name one of: {', '.join(known)}."
            )

    def _check_model(self, name: str, model: Model) -> None:
        """Refuses keys that say how a pipeline paints."""
        for key in ("scheduler", "style_adapter", "steps", "guidance_scale", "loras"):
            if model[key]:
                raise StrataError(
                    f"{self._source}: models.{name}.{key} says how a model paints, but this one looks at pictures. Only "
                    f"{', '.join(ALONE)} count for it: leave {key} out."
                )
