"""The order of a build's passes: each model is loaded as few times as the layers' dependencies allow.

A device often holds one model at a time. Which order loads the fewest is searched in phases: in a phase all passes of one model
are painted that can be, since to leave one for later saves nothing.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from typing import TypeVar

Job = TypeVar("Job", bound=Hashable)

WIDEST = 64
"""How many ways to begin are compared at a time. Scenes have a few models, and so fewer ways: then the order is the best one."""

WORK = 200_000
"""The most jobs that are looked at for each phase and model, over all ways: builds of thousands of layers compare fewer."""


def arrange(
    jobs: Sequence[Job], find_needed: Callable[[Job], Collection[Job]], find_model: Callable[[Job], str | None]
) -> list[Job]:
    """The jobs in an order that respects what they need and loads models as few times as possible.

    Args:
        jobs: in an order that decides between what is equal.
        find_needed: the jobs that must come before a job; those that are not among `jobs` are passed over.
        find_model: what identifies the model of a job; None for one without, which comes as early as it can.
    """
    known = set(jobs)
    needed = {job: frozenset(find_needed(job)) & known for job in jobs}
    models = {job: find_model(job) for job in jobs}
    first = _run(jobs, needed, models, None, ())
    ways: dict[frozenset[Job], list[Job]] = {frozenset(first): first}
    width = max(1, min(WIDEST, WORK // max(len(jobs), 1)))
    while all(len(way) < len(jobs) for way in ways.values()):
        longer: dict[frozenset[Job], list[Job]] = {}
        for way in ways.values():
            for model in dict.fromkeys(models.values()):
                way_on = _run(jobs, needed, models, model, way)
                if len(way_on) > len(way):
                    longer.setdefault(frozenset(way_on), way_on)
        if not longer:
            raise ValueError("jobs that need each other have no order")
        ways = dict(sorted(longer.items(), key=lambda item: -len(item[0]))[:width])
    return next(way for way in ways.values() if len(way) == len(jobs))


def count_loads(models: Iterable[str | None]) -> int:
    """How often a device that holds one model loads one, for passes in this order. None needs no model."""
    loads, held = 0, None
    for model in models:
        if model is not None and model != held:
            loads, held = loads + 1, model
    return loads


def _run(
    jobs: Sequence[Job],
    needed: dict[Job, frozenset[Job]],
    models: dict[Job, str | None],
    model: str | None,
    begun: Iterable[Job],
) -> list[Job]:
    """What was begun, with all jobs behind it that can be done with one model, and those that need none."""
    order = list(begun)
    done = set(order)
    waiting = [job for job in jobs if job not in done and models[job] in (None, model)]
    found = True
    while found:
        ready = [job for job in waiting if needed[job] <= done]
        order += ready
        done.update(ready)
        waiting = [job for job in waiting if job not in done]
        found = bool(ready)
    return order
