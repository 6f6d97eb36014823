"""One file under results/, and what it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Export = Literal["psd", "openraster", "view"]
"""The rules that make a finished scene's files for other programs."""

Rule = (
    Literal[
        "scene",
        "find",
        "depth",
        "check",
        "mask",
        "background",
        "subject",
        "effect",
        "refine",
        "composite",
        "upscale",
        "sweep",
        "sweep_view",
    ]
    | Export
)
"""The rules that make files of scenes, as the Snakefile names them."""


@dataclass(frozen=True)
class GuideFile:
    """A picture that guides a pass: a layer's file under results/, or a file of the user's own."""

    file: str
    own: bool


@dataclass(frozen=True)
class Layer:
    """A file that a rule makes: a layer, a mask, a picture or a sheet. All files are relative to the folder of all results.

    Attributes:
        rule: the rule that makes it.
        file: its path.
        spec: what the rule knows about it, see passes.py.
        sees: the files that it is made from, bottom to top.
        mask: a subject's mask.
        found: what a mask says in words.
        depth: a layer's depth that is estimated.
        image: a file of the user's that it is made from, relative to the working directory.
        guides: its reference, then what its ControlNet follows, as far as there are such.
    """

    rule: Rule
    file: str
    spec: Mapping[str, Any]
    sees: tuple[str, ...] = ()
    mask: str | None = None
    image: str | None = None
    found: str | None = None
    depth: str | None = None
    guides: tuple[GuideFile, ...] = ()

    @property
    def is_pass(self) -> bool:
        """Whether a model makes it."""
        return "model" in self.spec

    @property
    def inputs(self) -> tuple[str, ...]:
        """All files under results/ that it is made from."""
        guides = (guide.file for guide in self.guides if not guide.own)
        return tuple(dict.fromkeys([*self.sees, *filter(None, [self.mask, self.found, self.depth]), *guides]))

    @property
    def own_files(self) -> tuple[str, ...]:
        """All files of the user's that it is made from, relative to the working directory."""
        guides = (guide.file for guide in self.guides if guide.own)
        return tuple(dict.fromkeys([*filter(None, [self.image]), *guides]))
