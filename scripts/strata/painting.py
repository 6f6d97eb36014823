"""From a pass to its layer's file: out of the store if it is there, else painted. Imports no model until it must."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strata import builds
from strata.diffusion.store import Store, key
from strata.errors import StrataError
from strata.progress import Log


@dataclass(frozen=True)
class Request:
    """A pass to be painted, in plain values.

    Attributes:
        spec: the resolved pass, as scenes.py gives it.
        layer: the PNG to write.
        plate, mask: the files that an inpainting pass reads: the layers beneath, bottom to top, and the soft mask.
        runtime: the settings of runtime.schema.yaml, complete.
        attempt: 1 for the first try; each further one asks for a placement that needs less memory.
    """

    spec: Mapping
    layer: str
    runtime: Mapping
    attempt: int = 1
    plate: tuple[str, ...] = ()
    mask: str | None = None


def paint(request: Request, log: Log) -> None:
    """Writes the layer of a pass, and records in the build's journal how it came about."""
    started = time.time()
    store = Store(request.runtime["store"]["folder"], request.runtime["store"]["limit_gb"] * 1e9)
    window = _window(request)
    entry = key(request.spec, window.pixels() if window else b"")
    with store.claim(entry):
        if store.fetch(entry, request.layer):
            log.say("from the store")
            builds.record(request.layer, "store", started)
            return
        from strata.diffusion import libraries

        libraries.quiet()
        from strata.diffusion import jobs

        done = jobs.perform(request, window, log)
        _keep(store, entry, request.layer, log)
    builds.record(request.layer, "painted", done.started, device=done.device)


def title(layer: str) -> str:
    """The name of a layer as people know it: its file within results/."""
    path = Path(layer).with_suffix("")
    return "/".join(path.parts[1:] if path.parts[0] == "results" else path.parts)


def _window(request: Request):
    if request.mask is None:
        return None
    from strata import layers, windows

    spec = request.spec
    size = spec["width"], spec["height"]
    plate = [layers.read(path, "RGB" if place == 0 else "RGBA", size) for place, path in enumerate(request.plate)]
    return windows.look(plate, layers.read(request.mask, "L", size), spec["context"], spec["cell"])


def _keep(store: Store, entry: str, layer: str, log: Log) -> None:
    # The layer is painted and safe: a store that is full or read-only is worth a word, not a failure.
    try:
        store.put(entry, layer)
    except StrataError as error:
        log.say(f"not kept in the store: {error}")
