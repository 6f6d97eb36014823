"""Samplers by the name of their class, in place of a model's own."""

import difflib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import diffusers

from strata.errors import StrataError

# What diffusers raises for things that are not made for each other. Nothing of a device is among them.
UNFIT = (ValueError, TypeError, AttributeError, KeyError, IndexError, AssertionError, NotImplementedError)


@contextmanager
def with_scheduler(pipeline: Any, name: str) -> Iterator[None]:
    """Lends a pipeline a scheduler of diffusers, by the name of its class.

    Raises:
        StrataError: there is none of that name, or it does not fit the model.
    """
    own = pipeline.scheduler
    pipeline.scheduler = make_scheduler(name, own)
    try:
        yield
    except UNFIT as error:
        raise StrataError(_unfit(name, own, " ".join(str(error).split())[:300])) from error
    finally:
        pipeline.scheduler = own


def make_scheduler(name: str, own: Any) -> Any:
    """A scheduler by the name of its class, in place of a model's own one, whose noise it must undo.

    A model that was trained by flow matching gets a solver of differential equations in its form for flows. Schedulers
    without such a form do not fit it.
    """
    kinds = [kind for kind in dir(diffusers) if kind.endswith("Scheduler") and not kind.startswith("Flax")]
    if name not in kinds:
        close = ", ".join(difflib.get_close_matches(name, kinds, n=3)) or "EulerDiscreteScheduler"
        raise StrataError(f"diffusers has no scheduler {name!r} (the key `scheduler`). Close to it: {close}.")
    kind = getattr(diffusers, name)
    flow = {}
    if _is_for_flows(own) and "use_flow_sigmas" in inspect.signature(kind.__init__).parameters:
        flow = {
            "use_flow_sigmas": True,
            "prediction_type": "flow_prediction",
            "flow_shift": own.config.get("shift", 1.0),
        }
    chosen = kind.from_config(own.config, **flow)
    if _is_for_flows(own) != _is_for_flows(chosen):
        raise StrataError(_unfit(name, own, "one is for flow matching, the other is not"))
    return chosen


def _is_for_flows(scheduler: Any) -> bool:
    return "FlowMatch" in type(scheduler).__name__ or bool(scheduler.config.get("use_flow_sigmas"))


def _unfit(name: str, own: Any, reason: str) -> str:
    return (
        f"The scheduler {name} does not fit the model, whose own is {type(own).__name__}: {reason}. Take another one, or leave "
        "the key `scheduler` out."
    )
