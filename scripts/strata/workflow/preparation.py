"""What a build does before its first job: it refuses bad masks, prints hints, and starts the worker that it will need."""

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, cast

from strata.errors import StrataError
from strata.exits import print_line
from strata.painting import device_lock, paint, worker_client
from strata.painting.request import Request
from strata.passes import Pass
from strata.runtime import Runtime
from strata.scene.hints import hint_at_background
from strata.scene.scenes import Scenes
from strata.workflow.snakemake_internals import iterate_specs


def check_masks(jobs: Iterable[Any]) -> None:
    """Draws the masks that a build will draw, and refuses those that no pass can paint.

    The rule draws and checks them, too, but with several cores a model may be loaded meanwhile. Only a build that draws
    masks pays for it. Those that follow a layer, or are found in one, can be drawn only when that is there.

    Args:
        jobs: Snakemake's, those that are to run.
    """
    specs = [spec for _, spec in iterate_specs(list(jobs)) if "mask" in spec]
    if not specs or find_spec("PIL") is None or find_spec("numpy") is None:
        return  # on a machine that only submits jobs, they may be missing
    from strata.imaging import masks

    for spec in specs:
        if spec["mask"]["layer"] is not None or spec["mask"]["text"] is not None:
            continue
        mask = masks.draw(spec["mask"], (spec["width"], spec["height"]), spec["scale"], spec["where"])
        masks.check(mask, spec["cell"], spec["where"])


def identify_model(spec: Mapping[str, Any]) -> str | None:
    """What tells the model of a pass from others; None for what no model paints."""
    return json.dumps(spec["model"], sort_keys=True) if spec.get("model") else None


def count_models(jobs: Iterable[Any]) -> int:
    """How many models the passes of a build have."""
    return len({identify_model(spec) for _, spec in iterate_specs(list(jobs))} - {None})


def print_hints(jobs: Iterable[Any], scenes: Scenes) -> None:
    """Prints, each once, what the scenes may have forgotten whose background is about to be painted, and what models replace.

    Args:
        jobs: Snakemake's, those that are to run.
    """
    if not scenes.runtime.hints:
        return
    found = [
        scenes.find(job.wildcards.scene)
        for job, spec in iterate_specs(list(jobs))
        if spec.get("task") in ("text_to_image", "image_to_image") and "alpha" not in spec
    ]
    hints = (hint for scene in found for hint in (*scene.notes(), *hint_at_background(scene.description, scene.source)))
    for hint in dict.fromkeys(hints):
        print_line(hint)


def start_worker(jobs: Iterable[Any], runtime: Runtime) -> None:
    """Starts a worker, without waiting for it, if a build is sure to need one: its imports outlast a small model's pass.

    Only the passes that read no layer, the background and the effects, can say so: what the others read is not painted
    yet. A build that finds all its passes in the store starts none.

    Args:
        jobs: Snakemake's, those that are to run.
    """
    if not runtime.worker.enabled or find_spec("torch") is None:
        return
    with suppress(OSError, StrataError):  # the job that needs a worker says what is wrong
        if worker_client.is_up():
            return
        for job, spec in iterate_specs(list(jobs)):
            if spec.get("task") in ("text_to_image", "image_to_image"):
                plate = (spec["image"],) if "image" in spec else ()
                request = Request(cast(Pass, spec), str(job.output.layer), runtime, plate=plate)
                if not paint.is_stored(paint.resolve_paths(request)):
                    worker_client.start(runtime.worker.idle_seconds)
                    return


def arrive(runtime: Runtime, keep_worker: bool) -> int:
    """Prepares a node of a cluster for its part of a build. To be called by each process that reads the Snakefile there.

    The first of them starts a worker, without waiting for it, if devices were handed out: that is for passes. What a step of
    an allocation starts ends with the step; this one serves all of them, and imports while the step is being set up.

    Args:
        keep_worker: whether to start the worker.

    Returns:
        how many passes may run side by side.
    """
    handed_out = any(os.environ.get(name) for name in device_lock.VISIBLE)
    if keep_worker and handed_out and runtime.worker.enabled and find_spec("torch"):
        with suppress(OSError, StrataError):
            if not worker_client.is_up():
                worker_client.start(runtime.worker.idle_seconds)
    return device_lock.count_devices()
