"""From a pass to its layer's file: out of the store if it is there, else painted. Imports no model until it must."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from strata.errors import OutOfMemoryError, PassingError, StrataError
from strata.files import Reader, ReadFile, expand_user, read_file, replacing
from strata.models import adapter_files, reference
from strata.models.kinds import CONFIG, find_index
from strata.painting import history, journal, views, worker_client
from strata.painting.progress import Reporter
from strata.painting.request import Done, Request
from strata.painting.store import Store, make_key
from strata.passes import Pass, find_control
from strata.seals import read_seal
from strata.state import RETOUCHED

if TYPE_CHECKING:
    from strata.diffusion.pipeline_cache import PipelineCache
    from strata.imaging.windows import Sight

    Execute = Callable[[Request, Sight | None, Reporter, PipelineCache], Done]
    PaintView = Callable[[Request, Sight | None, Reporter], Done]
    """Paints a pass, given what it sees (None for text to image without guides), and writes its layer."""


WAITS_SECONDS = 1, 4, 15  # between attempts, when the network fails

ATTEMPTS = 4
"""How often a pass is tried that runs out of memory: once for each step of diffusion.devices.LADDER."""


def paint(request: Request, reporter: Reporter) -> Done:
    """Writes the layer of a pass, and records in the build's journal how it came about.

    A worker that is up does it all. Else the store is asked first, since an edit that is taken back must cost no model;
    then a worker is started, and where none is available, this process paints.

    A pass that runs out of memory is tried again with less, down to the last step of placements. Whatever else is wrong is
    said once: in the same build, a further job for the same pass is not tried.
    """
    began = time.time()
    resolved = resolve_paths(request)
    folder = resolved.folder or ""
    with _remembering_failure(request, folder):
        done = _paint_patiently(resolved, reporter)
    if done.how != "painted":
        reporter.say(journal.WORDS[done.how])
    waiting = round(max(done.started - began, 0.0), 3)
    more = {"device": done.device, "loads": done.loads, "waiting": waiting}
    journal.record(
        request.layer, done.how, done.started, done.ended, **{key: value for key, value in more.items() if value}
    )
    _remember_seconds(request, done)
    names = dict(zip(_list_pictures(resolved), _list_pictures(request), strict=True))
    return replace(done, consumed={names[path] or path: digest for path, digest in done.consumed.items()})


def _list_pictures(request: Request) -> list[str | None]:
    """The pictures that a pass reads, in an order of their own."""
    return [*request.plate, request.mask, *(request.guides[part] for part in sorted(request.guides))]


def _remember_seconds(request: Request, done: Done) -> None:
    kind, work = history.measure(request.spec, done.pixels)
    if done.how == "painted":
        entry: history.Finished = {
            "what": kind,
            "how": done.how,
            "work": work,
            "seconds": round(done.ended - done.started - done.loading, 3),
            "loading": done.loading,
            "starting": done.starting,
            "layer": request.layer,
        }
        if done.device:
            entry["device"] = done.device
        if done.placement:
            entry["placement"] = done.placement
        history.add(entry)
    else:
        history.add({"what": "fetch", "how": done.how, "work": 1, "seconds": round(done.ended - done.started, 3)})


def _paint_patiently(request: Request, reporter: Reporter) -> Done:
    """Tries a pass with less and less of it on the device, as long as memory runs out, and again after what may pass."""
    waits = iter(WAITS_SECONDS)
    while True:
        try:
            return _paint_by_worker(request, reporter) or obtain(request, reporter, _paint_here)
        except OutOfMemoryError as error:
            if request.attempt == ATTEMPTS:
                raise
            reporter.say(str(error))
            request = replace(request, attempt=request.attempt + 1)
        except PassingError as error:
            if (wait := next(waits, None)) is None:
                raise
            reporter.say(f"{error} It is tried again in {wait} s.")
            time.sleep(wait)


@contextmanager
def _remembering_failure(request: Request, folder: str) -> Iterator[None]:
    """Says at once what is wrong with a pass that has failed in this build, instead of loading its model again.

    A profile for a cluster tries jobs again, since nodes fail. What a job has said about its pass is no such failure.
    """
    pass_ = make_key(request.spec, b"")
    if (sentence := journal.find_failure(request.layer, pass_)) is not None:
        raise StrataError(sentence)
    began = time.time()
    try:
        yield
    except StrataError as error:
        sentence = str(error).replace(f"{folder}/", "")
        journal.record(request.layer, journal.FAILED, began, sentence=sentence, key=pass_)
        raise StrataError(sentence) from None


def resolve_paths(request: Request) -> Request:
    """The request with absolute paths, so that a process elsewhere can serve it."""
    folder = Path.cwd()
    store = request.runtime.store
    shared = None if store.shared is None else str(folder / expand_user(store.shared))
    store = replace(store, folder=str(folder / expand_user(store.folder)), shared=shared)
    model = _find_model(request.spec)
    return replace(
        request,
        folder=str(folder),
        layer=str(folder / request.layer),
        plate=tuple(str(folder / path) for path in request.plate),
        mask=None if request.mask is None else str(folder / request.mask),
        guides={part: str(folder / path) for part, path in request.guides.items()},
        model=None if model is None else str(model),
        files=adapter_files.find_files(request.spec) | _find_helpers(request.spec),
        runtime=replace(request.runtime, store=store),
    )


def obtain(request: Request, reporter: Reporter, paint_view: PaintView) -> Done:
    """Writes the layer of a request with absolute paths, unless it is right already: from the store, or painted and kept there.

    The same for the worker and for a job that paints by itself.
    """
    done = _obtain(request, reporter, paint_view)
    assert done is not None  # it is painted at the latest
    return done


def _obtain(request: Request, reporter: Reporter, paint_view: PaintView | None) -> Done | None:
    """The same; without `paint_view`, None for a pass that would have to be painted."""
    started = time.time()
    store, reader = _store_of(request, reporter), Reader()
    sight = look(request, reader.read)
    key = make_key(request.spec, sight.pixels() if sight else b"")
    if _is_made_of(request.present or request.layer, key):
        os.utime(request.present or request.layer)  # newer than what it was made from
        return Done("kept", started, consumed=reader.digests)
    with store.claim(key):
        if store.find(key) is None and paint_view is None:
            return None
        _set_aside(request, reporter)
        if store.fetch(key, request.layer):
            return Done("store", started, consumed=reader.digests)
        if paint_view is None:
            return None
        done = paint_view(replace(request, key=key), sight, reporter)
        store.put(key, request.layer)
    return replace(done, consumed=reader.digests)


def _set_aside(request: Request, reporter: Reporter) -> None:
    """Keeps a copy of a layer that a person retouched, before it is made anew."""
    layer = Path(request.present or request.layer)
    try:
        content = layer.read_bytes()
    except OSError:
        return  # there is none yet
    if read_seal(content) is not None or not _is_picture(content):
        return
    assert request.folder is not None  # its paths are absolute
    # A module's prefix may put its results anywhere.
    below = layer.relative_to(request.folder if layer.is_relative_to(request.folder) else layer.anchor)
    path = RETOUCHED / below
    with replacing(request.folder / path) as file:
        file.write(content)
    reporter.say(f"What it depends on has changed since it was retouched. The retouched layer is kept as {path}")


def _is_picture(content: bytes) -> bool:
    from strata.imaging.pictures import UNREADABLE, decode  # here: it is rarely needed, and takes Pillow

    try:
        decode(content)
    except UNREADABLE:
        return False
    return True


def look(request: Request, read_file: ReadFile = read_file) -> Sight | None:
    """Reads all that a pass sees; None for what is painted from a prompt and nothing guides.

    What prepares the guides is not among the code of a pass that has none.
    """
    view = views.look(request, read_file)
    if view is None and not request.guides:
        return None
    from strata.imaging.windows import Sight  # here: many jobs see nothing, and start faster without Pillow

    if not request.guides:
        return Sight(view)
    from strata.painting import guiding

    size = request.spec["width"], request.spec["height"]
    return Sight(view, guiding.look(request, Sight(view).box(size), read_file))


def _is_made_of(layer: str, key: str) -> bool:
    """Whether a layer is there, untouched, and of a pass and the pixels it reads."""
    try:
        return read_seal(Path(layer).read_bytes()) == key
    except OSError:
        return False


def is_stored(request: Request) -> bool:
    """Whether the layer of a request with absolute paths need not be painted: it is right already, or in the store."""
    sight = look(request)
    key = make_key(request.spec, sight.pixels() if sight else b"")
    settings = request.runtime.store
    store = Store(settings.folder, settings.limit_gb * 1e9, settings.shared)
    return store.find(key) is not None or _is_made_of(request.layer, key)


def import_execution() -> tuple[Execute, PipelineCache]:
    """What paints, and an empty cache of pipelines. Takes seconds: it imports torch and diffusers."""
    from strata.diffusion import patches

    patches.prepare()
    from strata.diffusion.pipeline_cache import PipelineCache
    from strata.painting.execution import execute

    return execute, PipelineCache()


def _find_model(spec: Pass) -> Path | None:
    """Where the model of a pass lies, see _find_folder(). A network is a file."""
    model = spec["model"]
    if spec["task"] == "upscale" and spec["method"] == "network":
        return adapter_files.find(model["id"])
    return reference.locate(model, find_index(spec["task"]))


def _find_helpers(spec: Pass) -> dict[str, str]:
    """The folders of the models that help that of a pass, by their ids; nothing for those on the hub that no lock names."""
    helpers = [spec["edge"]] if spec["task"] == "text_to_mask" else []
    if spec["task"] == "inpaint" and spec["check"]:
        helpers.append(spec["check"]["model"])
    if control := find_control(spec):
        helpers.append(control["model"])
    found = {model["id"]: reference.locate(model, CONFIG) for model in helpers if model is not None}
    return {name: str(folder) for name, folder in found.items() if folder is not None}


def _paint_by_worker(request: Request, reporter: Reporter) -> Done | None:
    try:
        return (
            worker_client.hand_over(request, reporter, start_one=False)
            or _obtain(request, reporter, None)
            or worker_client.hand_over(request, reporter, start_one=True)
        )
    except worker_client.LostError as lost:
        reporter.say(f"{lost}; the job paints by itself")
        return None


def _paint_here(request: Request, sight: Sight | None, reporter: Reporter) -> Done:
    execute, pipelines = import_execution()
    return execute(request, sight, reporter, pipelines)


def _store_of(request: Request, reporter: Reporter) -> Store:
    settings = request.runtime.store
    return Store(settings.folder, settings.limit_gb * 1e9, settings.shared, reporter.say)
