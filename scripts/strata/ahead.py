"""What a build does ahead of its first job: it refuses bad masks, gives hints, and starts the worker that it will need."""

import os
import sys
from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from strata import attempts, devices, hints, painting, workers
from strata.attempts import unmarked
from strata.requests import Request
from strata.scenes import Scenes


def check_masks(jobs: Iterable) -> None:
    """Draws the masks that a build will draw, and refuses those that no pass can paint.

    The rule draws and checks them, too, but with several cores a model may be loaded meanwhile. Only a build that draws
    masks pays for it.

    Args:
        jobs: Snakemake's, those that are to run.
    """
    specs = [job.params.spec for job in jobs if job.rule.name == "mask"]
    if not specs or find_spec("PIL") is None or find_spec("numpy") is None:
        return  # on a machine that only submits jobs, they may be missing
    from strata import masks

    for spec in specs:
        mask = masks.draw(spec["mask"], (spec["width"], spec["height"]), spec["scale"], spec["where"])
        masks.check(mask, spec["cell"], spec["where"])


def give_hints(jobs: Iterable, scenes: Scenes) -> None:
    """Tells on stderr, each once, what the scenes may have forgotten whose background is about to be painted.

    Args:
        jobs: Snakemake's, those that are to run.
    """
    if not scenes.runtime["hints"]:
        return
    found = [scenes.find(job.wildcards.scene) for job in jobs if job.rule.name == "background"]
    for hint in dict.fromkeys(hint for scene in found for hint in hints.of_background(scene.description, scene.source)):
        print(hint, file=sys.stderr)


def start_worker(jobs: Iterable, runtime: Mapping) -> None:
    """Starts a worker, without waiting for it, if a build is sure to need one: its imports outlast a small model's pass.

    That is told from the passes that read no layer, the background and the effects: what the others read is not painted
    yet. A build that finds all its passes in the store starts none.

    Args:
        jobs: Snakemake's, those that are to run.
        runtime: the settings of runtime.schema.yaml, complete.
    """
    if not runtime["worker"]["enabled"] or find_spec("torch") is None or workers.is_up():
        return
    for job in jobs:
        layer = job.output.get("layer")
        if layer and job.params.spec["task"] == "text_to_image":
            request = painting.located(Request(unmarked(job.params.spec), str(layer), runtime))
            if not painting.stored(request):
                workers.start(runtime["worker"]["idle_seconds"])
                return


def arrive(runtime: Mapping, keep: bool) -> int:
    """Takes part in a build on a node of a cluster. To be called by each process that reads the Snakefile there.

    The first of them starts a worker, without waiting for it, if devices were handed out: that is for passes. What a step of
    an allocation starts ends with the step; this one serves all of them, and imports while the step is being set up.

    Args:
        runtime: the settings of runtime.schema.yaml, complete.
        keep: whether to start the worker.

    Returns:
        how many passes may run side by side.
    """
    attempts.join()
    handed_out = any(os.environ.get(name) for name in devices.VISIBLE)
    if keep and handed_out and runtime["worker"]["enabled"] and find_spec("torch") and not workers.is_up():
        workers.start(runtime["worker"]["idle_seconds"])
    return devices.given()
