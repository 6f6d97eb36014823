"""The worker's start, while the masks are drawn: its imports take longer than a pass of a small model."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from strata import painting, workers
from strata.requests import Request


def start_worker(jobs: Iterable, runtime: Mapping) -> None:
    """Starts a worker, without waiting for it, if a build is sure to need one.

    That is told from the passes that read no layer, the background and the effects: what the others read is not painted
    yet. A build that finds all its passes in the store starts none.

    Args:
        jobs: Snakemake's, those that are to run.
        runtime: the settings of runtime.schema.yaml, complete.
    """
    if not runtime["worker"]["enabled"] or find_spec("torch") is None:
        return
    for job in jobs:
        layer = job.output.get("layer")
        if layer and job.params.spec["task"] == "text_to_image":
            request = painting.located(Request(job.params.spec, str(layer), runtime))
            if not painting.stored(request):
                workers.start(runtime["worker"]["idle_seconds"])
                return
