"""A scene as its description says it, with every default filled in. Nothing of it is checked beyond the schema, see checks.py."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from strata.errors import StrataError
from strata.files import is_file
from strata.mask_extents import Box
from strata.models import reference
from strata.passes import StackEntry
from strata.scene.description import Background, Description, Effect, Passed, Refine, Subject, complete
from strata.scene.guides import Guides
from strata.scene.perception import Perception

Task = Literal["text_to_image", "inpainting"]
"""The names of the models that paint what names none."""


class DescribedScene:
    """The parts of a scene.

    Args:
        described: the scene as the schema describes it; defaults may be missing.
        source: the file that a sentence about a wrong value names.
        models: what was found out of models already, for all scenes of a build; more is added.

    Attributes:
        known: what was found out of models.
        perception: what models see in its layers.
        guiding: what its passes look at.
    """

    def __init__(self, described: Mapping[str, Any], source: str, models: reference.Known | None = None):
        self.source = source
        self.known = reference.Known() if models is None else models
        self.description: Description = complete(described, source)
        self.canvas = self.description["canvas"]
        self.subjects = self.description["subjects"]
        self.masks = {name: mask for name, subject in self.subjects.items() if (mask := subject["mask"]) is not None}
        self.effects = self.description["effects"]
        self.stack: list[StackEntry] = self.description["composite"]["layers"] or self._default_stack()
        self.perception = Perception(self.description, self.size, source, self.known)
        self.guiding = Guides(self.description["models"], self.known, source, check_own_file)

    @property
    def size(self) -> tuple[int, int]:
        """The picture's width and height in rendered pixels."""
        scale = self.canvas["scale"]
        return round(self.canvas["width"] * scale), round(self.canvas["height"] * scale)

    def painted(self) -> Iterator[tuple[str, Background | Subject | Effect | Refine, Task]]:
        """What models paint: its key in the scene, its description, and the model that paints it where it names none."""
        background, refine = self.description["background"], self.description["refine"]
        if background["prompt"] is not None:
            yield "background", background, "text_to_image"
        for name, subject in self.subjects.items():
            if subject["image"] is None:
                yield f"subjects.{name}", subject, "inpainting"
        for name, effect in sorted(self.effects.items()):
            if effect["image"] is None:
                yield f"effects.{name}", effect, "text_to_image"
        if refine is not None:
            yield "refine", refine, "text_to_image"

    def strength(self, described: Passed, strength: float, task: Task) -> float:
        """How much a pass changes, as far as its model allows."""
        return min(strength, self.description["models"][model_name(described, task)]["strength_limit"])

    def canvas_box(self) -> Box:
        """The canvas, in its own pixels."""
        return Box(0, 0, self.canvas["width"], self.canvas["height"])

    def _default_stack(self) -> list[StackEntry]:
        opaque = [make_entry(name) for name in ("background", *self.subjects)]
        return opaque + [make_entry(name, opacity=0.5, blend="screen") for name in self.effects]


def model_name(described: Passed, task: Task) -> str:
    """The name of the model that paints a pass: its own, or that of the task."""
    return described["model"] or task


def make_entry(layer: str, opacity: float = 1.0, blend: str = "normal") -> StackEntry:
    """An entry of the composite."""
    return {"layer": layer, "opacity": opacity, "blur": 0.0, "blend": blend, "position": [0.0, 0.0], "depth": None}


def check_own_file(path: str, where: str) -> None:
    """Refuses a file of the user's that is not there, or lies outside the workflow's folder. `where` is its key."""
    if any(mark in path for mark in ("{", "}", "//")):
        raise StrataError(
            f"{where} is {path!r}, but Snakemake takes no braces and no double slashes in a path. Rename the file, or write its path "
            "without them."
        )
    folder = Path.cwd().resolve()
    place = folder if "\0" in path else Path(os.path.realpath(folder / path))
    if not place.is_relative_to(folder):
        raise StrataError(f"{where} is {path!r}, which lies outside the workflow's folder. Copy the file into it.")
    if place.is_relative_to(folder / "results"):
        raise StrataError(
            f"{where} is {path!r}, which is a result of builds and may depend on itself. Copy the file out of results/, and name the copy."
        )
    if not is_file(folder / path):
        raise StrataError(f"{where} is {path!r}, but there is no such file in {folder}. Fix the path or add the file.")
