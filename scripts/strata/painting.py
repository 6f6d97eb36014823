"""From a pass to its layer's file: out of the store if it is there, else painted. Imports no model until it must."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from strata import adapters, builds, model_lock, models, workers
from strata.diffusion.store import Store, key
from strata.diffusion.weights import snapshot
from strata.errors import OutOfMemoryError, StrataError
from strata.progress import Log
from strata.requests import Done, Request

Perform = Callable[[Request, object, Log], Done]
"""Paints a pass, given its window (None for text to image), and writes its layer."""


def paint(request: Request, log: Log) -> None:
    """Writes the layer of a pass, and records in the build's journal how it came about.

    A worker that is up does it all. Else the store is asked first, since an edit that is taken back must cost no model;
    then a worker is started, and where none can be had, this process paints.

    A pass that ran out of memory in this build is tried with less. One that failed otherwise, or was stopped, is not: its
    pixels must be those of a build in which nothing happened.
    """
    began = time.time()
    request = located(replace(request, attempt=1 + builds.shortages(request.layer)))
    layer = Path(request.layer).relative_to(request.folder)
    try:
        done = _by_worker(request, log) or obtain(request, log, _perform_here)
    except StrataError as error:
        if isinstance(error, OutOfMemoryError):
            builds.record(layer, builds.SHORT, began)
        raise StrataError(str(error).replace(f"{request.folder}/", "")) from None
    if done.how == "store":
        log.say("from the store")
    builds.record(layer, done.how, done.started, done.ended, **({"device": done.device} if done.device else {}))


def located(request: Request) -> Request:
    """The request with absolute paths, so that a process elsewhere can serve it."""
    folder = Path.cwd()
    store = request.runtime["store"]
    model = _place(request.spec)
    return replace(
        request,
        folder=str(folder),
        layer=str(folder / request.layer),
        plate=tuple(str(folder / path) for path in request.plate),
        mask=None if request.mask is None else str(folder / request.mask),
        model=None if model is None else str(model),
        files=adapters.files(request.spec),
        runtime={**request.runtime, "store": {**store, "folder": str(folder / Path(store["folder"]).expanduser())}},
    )


def _place(spec: Mapping) -> Path | None:
    """The folder that holds a model, or will when it was fetched; None for one on the hub that no lock names.

    A network is a file.
    """
    model = spec["model"]
    if spec.get("method") == "network":
        return adapters.find(model["id"])
    if found := models.folder(model["id"]):
        return found.resolve()
    locked = model_lock.entry(model_lock.read(), model, "models")
    return snapshot(model["id"], locked["commit"]) if locked else None


def obtain(request: Request, log: Log, perform: Perform) -> Done:
    """Writes the layer of a located request: from the store, or painted by `perform` and then kept there.

    The same for the worker and for a job that paints by itself.
    """
    started = time.time()
    store = _store(request)
    window = _window(request)
    entry = _entry(request, window)
    with store.claim(entry):
        if store.fetch(entry, request.layer):
            return Done("store", started)
        done = perform(request, window, log)
        _keep(store, entry, request.layer, log)
    return done


def stored(request: Request) -> bool:
    """Whether the store holds the layer of a located request."""
    return _store(request).holds(_entry(request, _window(request)))


def _by_worker(request: Request, log: Log) -> Done | None:
    try:
        return (
            workers.hand_over(request, log, start_one=False)
            or _from_store(request)
            or workers.hand_over(request, log, start_one=True)
        )
    except workers.LostError as lost:
        log.say(f"{lost}; the job paints by itself")
        return None


def _from_store(request: Request) -> Done | None:
    started = time.time()
    found = _store(request).fetch(_entry(request, _window(request)), request.layer)
    return Done("store", started) if found else None


def _perform_here(request: Request, window, log: Log) -> Done:
    from strata.diffusion import libraries

    libraries.prepare()
    from strata.diffusion import jobs, shelf

    return jobs.perform(request, window, log, shelf.Shelf())


def _store(request: Request) -> Store:
    settings = request.runtime["store"]
    return Store(settings["folder"], settings["limit_gb"] * 1e9)


def _entry(request: Request, window) -> str:
    return key(request.spec, window.pixels() if window else b"")


def _window(request: Request):
    if not request.plate:
        return None
    from strata import layers, windows

    spec = request.spec
    size = spec["width"], spec["height"]
    if spec["task"] == "upscale":
        return windows.Whole(layers.read(request.plate[0], "RGB", size))
    plate = [layers.read(path, "RGB" if place == 0 else "RGBA", size) for place, path in enumerate(request.plate)]
    window = windows.look(plate, layers.read(request.mask, "L", size), spec["context"], spec["cell"])
    if spec["color_match"]:
        window.check_ring(request.layer)
    return window


def _keep(store: Store, entry: str, layer: str, log: Log) -> None:
    # The layer is painted and safe: a store that is full or read-only is worth a word, not a failure.
    try:
        store.put(entry, layer)
    except StrataError as error:
        log.say(f"not kept in the store: {error}")
