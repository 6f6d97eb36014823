"""What a job asks for and what it gets: plain values, which can be sent to another process."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """A pass to be painted.

    Attributes:
        spec: the resolved pass, as scene.py gives it.
        layer: the PNG to write.
        plate, mask: the files that an inpainting pass reads: the layers beneath, bottom to top, and the soft mask. What makes
            a picture larger reads that picture as its plate.
        runtime: the settings of runtime.schema.yaml, complete.
        attempt: 1, and one more for each try that ran out of memory: it asks for a placement that needs less.
        folder: the workflow's working directory; once it is given, all paths are absolute.
        model: the folder of the model, if it is one on this machine's disk, or the file of a network.
        files: the paths of other files that the pass names, such as LoRA adapters, by their names in it.
    """

    spec: Mapping
    layer: str
    runtime: Mapping
    attempt: int = 1
    plate: tuple[str, ...] = ()
    mask: str | None = None
    folder: str | None = None
    model: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Done:
    """How a layer came about.

    Attributes:
        how: painted or store, as in builds.WORDS.
        started: when the work on it began (for a painted one: when the device was taken), in seconds since the epoch.
        device: what painted it; None for one from the store.
        ended: when it was done (for a painted one: when the device was let go).
    """

    how: str
    started: float
    device: str | None = None
    ended: float = field(default_factory=time.time)
