"""What a job asks for and what it gets: plain values, which can be sent to another process."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from strata.passes import Pass
from strata.runtime import Runtime
from strata.seals import UNKEYED


@dataclass(frozen=True)
class Request:
    """A pass to be painted.

    Attributes:
        spec: the resolved pass.
        layer: the PNG to write.
        runtime: how jobs run on this machine.
        attempt: 1, and one more for each attempt that ran out of memory: it asks for a placement that needs less.
        plate, mask: the files that an inpainting pass reads: the layers beneath, bottom to top, and the soft mask. What makes
            a picture larger, or paints it anew, reads that picture as its plate; what looks at a picture, the layers that make
            it; what refines a stack, its layers, and the depth picture that they follow.
        guides: the files of the pictures that guide the pass, by the part of it that names them (passes.GUIDES).
        folder: the workflow's working directory. Once it is given, all paths are absolute.
        model: the folder of the model, if it is one on this machine's disk, or the file of a network.
        files: the paths of other files and folders that the pass names, such as LoRA adapters, a ControlNet and models that
            help its own, by their names in it.
        present: the layer's file that is there, if it is another one: it is kept if it is right already.
        key: of the pass in the store, once it is known.
    """

    spec: Pass
    layer: str
    runtime: Runtime
    attempt: int = 1
    plate: tuple[str, ...] = ()
    mask: str | None = None
    guides: Mapping[str, str] = field(default_factory=dict)
    folder: str | None = None
    model: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    present: str | None = None
    key: str = UNKEYED

    @classmethod
    def from_mapping(cls, described: Mapping[str, Any]) -> "Request":
        """A request from the plain values that dataclasses.asdict() gives, after a way through JSON."""
        runtime = Runtime.from_mapping(described["runtime"])
        return cls(**{**described, "runtime": runtime, "plate": tuple(described["plate"])})

    def writing_to(self, layer: str) -> "Request":
        """The same pass, written to another file than the one that is there."""
        return replace(self, layer=layer, present=self.present or self.layer)


@dataclass(frozen=True)
class Done:
    """How a layer came about.

    Attributes:
        how: painted, store or kept, as in journal.WORDS.
        started: when the work on it began (for a painted one: when the device was taken), in seconds since the epoch.
        device: what painted it; None for one from the store.
        ended: when it was done (for a painted one: when the device was let go).
        placement: how the pipeline was laid out, a step of devices.LADDER; None where none was.
        loading: the seconds that it took to load; 0 if it was at hand.
        starting: the seconds that a job waited for a worker to start.
        pixels: how many the pass saw, or for text to image painted.
        consumed: the digests of the layers that the pass saw, by their paths, as they were read.
        loads: how many models were loaded for it.
    """

    how: str
    started: float
    device: str | None = None
    ended: float = field(default_factory=time.time)
    placement: str | None = None
    loading: float = 0.0
    starting: float = 0.0
    pixels: int = 0
    consumed: Mapping[str, str] = field(default_factory=dict)
    loads: int = 0
