"""From a pass to its layer's file: out of the store if it is there, else painted. Imports no model until it must."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from strata.errors import OutOfMemoryError, StrataError
from strata.models import adapter_files, lock, reference
from strata.models.checkpoint import find_snapshot
from strata.painting import journal, views, worker_client
from strata.painting.progress import Reporter
from strata.painting.request import Done, Request
from strata.painting.store import Store, make_key
from strata.passes import Pass

if TYPE_CHECKING:
    from strata.diffusion.pipeline_cache import PipelineCache
    from strata.imaging.windows import View

    Execute = Callable[[Request, View | None, Reporter, PipelineCache], Done]
    PaintView = Callable[[Request, View | None, Reporter], Done]
    """Paints a pass, given what it sees (None for text to image), and writes its layer."""


def paint(request: Request, reporter: Reporter) -> None:
    """Writes the layer of a pass, and records in the build's journal how it came about.

    A worker that is up does it all. Else the store is asked first, since an edit that is taken back must cost no model;
    then a worker is started, and where none can be had, this process paints.

    A pass that ran out of memory in this build is painted with less. One that failed otherwise, or was stopped, is not: its
    pixels must be those of a build in which nothing happened.
    """
    began = time.time()
    request = resolve_paths(replace(request, attempt=1 + journal.count_shortages(request.layer)))
    folder = request.folder or ""
    layer = str(Path(request.layer).relative_to(folder))
    try:
        done = _paint_by_worker(request, reporter) or obtain(request, reporter, _paint_here)
    except StrataError as error:
        if isinstance(error, OutOfMemoryError):
            journal.record(layer, journal.SHORT, began)
        raise StrataError(str(error).replace(f"{folder}/", "")) from None
    if done.how == "store":
        reporter.say("from the store")
    journal.record(layer, done.how, done.started, done.ended, **({"device": done.device} if done.device else {}))


def resolve_paths(request: Request) -> Request:
    """The request with absolute paths, so that a process elsewhere can serve it."""
    folder = Path.cwd()
    store = request.runtime.store
    model = _find_model(request.spec)
    return replace(
        request,
        folder=str(folder),
        layer=str(folder / request.layer),
        plate=tuple(str(folder / path) for path in request.plate),
        mask=None if request.mask is None else str(folder / request.mask),
        model=None if model is None else str(model),
        files=adapter_files.find_files(request.spec),
        runtime=replace(request.runtime, store=replace(store, folder=str(folder / Path(store.folder).expanduser()))),
    )


def obtain(request: Request, reporter: Reporter, paint_view: PaintView) -> Done:
    """Writes the layer of a request with absolute paths: from the store, or painted and then kept there.

    The same for the worker and for a job that paints by itself.
    """
    started = time.time()
    store = _store_of(request)
    view = views.look(request)
    key = _key_of(request, view)
    with store.claim(key):
        if store.fetch(key, request.layer):
            return Done("store", started)
        done = paint_view(request, view, reporter)
        _keep(store, key, request.layer, reporter)
    return done


def is_stored(request: Request) -> bool:
    """Whether the store holds the layer of a request with absolute paths."""
    return _store_of(request).holds(_key_of(request, views.look(request)))


def import_execution() -> tuple[Execute, PipelineCache]:
    """What paints, and an empty cache of pipelines. Takes seconds: it imports torch and diffusers."""
    from strata.diffusion import patches

    patches.prepare()
    from strata.diffusion.pipeline_cache import PipelineCache
    from strata.painting.execution import execute

    return execute, PipelineCache()


def _find_model(spec: Pass) -> Path | None:
    """The folder that holds a model, or will when it was fetched; None for one on the hub that no lock names.

    A network is a file.
    """
    model = spec["model"]
    if spec["task"] == "upscale" and spec["method"] == "network":
        return adapter_files.find(model["id"])
    if found := reference.find_folder(model["id"]):
        return found.resolve()
    locked = lock.find_entry(lock.read(), model["id"], model["revision"], model["variant"], "models")
    return find_snapshot(model["id"], locked["commit"]) if locked else None


def _paint_by_worker(request: Request, reporter: Reporter) -> Done | None:
    try:
        return (
            worker_client.hand_over(request, reporter, start_one=False)
            or _fetch_from_store(request)
            or worker_client.hand_over(request, reporter, start_one=True)
        )
    except worker_client.LostError as lost:
        reporter.say(f"{lost}; the job paints by itself")
        return None


def _fetch_from_store(request: Request) -> Done | None:
    started = time.time()
    found = _store_of(request).fetch(_key_of(request, views.look(request)), request.layer)
    return Done("store", started) if found else None


def _paint_here(request: Request, view: View | None, reporter: Reporter) -> Done:
    execute, pipelines = import_execution()
    return execute(request, view, reporter, pipelines)


def _store_of(request: Request) -> Store:
    settings = request.runtime.store
    return Store(settings.folder, settings.limit_gb * 1e9)


def _key_of(request: Request, view: View | None) -> str:
    return make_key(request.spec, view.pixels() if view else b"")


def _keep(store: Store, key: str, layer: str, reporter: Reporter) -> None:
    # The layer is painted and safe: a store that is full or read-only is worth a word, not a failure.
    try:
        store.put(key, layer)
    except StrataError as error:
        reporter.say(f"not kept in the store: {error}")
