"""What a pass adds to a loaded pipeline, for as long as it runs: another sampler, LoRA adapters, a style.

Pipelines are kept for the next pass, and share their parts. So all of it is taken away again, however the pass ends, and
weights are never merged: what is left is what was there before, to the bit.
"""

import difflib
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import diffusers
from safetensors import SafetensorError
from safetensors.torch import load_file

from strata import fingerprints
from strata.diffusion import hardware
from strata.errors import StrataError

# What diffusers raises for things that are not made for each other. Nothing of a device is among them.
UNFIT = (ValueError, TypeError, AttributeError, KeyError, IndexError, AssertionError, NotImplementedError)


@contextmanager
def adapted(
    pipeline, spec: Mapping, files: Mapping[str, str], memory: Path | None, place: Callable[[], None]
) -> Iterator[dict]:
    """Lends a pipeline what a pass asks for. Yields what the pipeline is to be called with beside the pass.

    Args:
        spec: the resolved pass.
        files: the absolute paths of the files that it names.
        memory: the file in which digests are remembered, see fingerprints.file().
        place: lays the pipeline out on its device.

    Raises:
        StrataError: the pipeline has no such thing, a file changed since the build began, or does not fit the model.
    """
    with ExitStack() as lent:
        if spec["clip_skip"]:
            lent.enter_context(_with_text_model(pipeline))
        if spec["scheduler"]:
            lent.enter_context(_scheduled(pipeline, spec))
        beside = {}
        moves = any(hasattr(part, "_hf_hook") for part in pipeline.components.values())
        if moves and (spec["loras"] or spec["style"]):
            # What moves a pipeline's parts about must know the new ones, and must be gone when they go.
            pipeline.remove_all_hooks()
            lent.callback(place)
        if spec["loras"]:
            lent.enter_context(_with_loras(pipeline, spec, files, memory))
        if spec["style"]:
            from strata.diffusion.styles import styled  # here: its imports take a second, and are rarely needed

            beside = lent.enter_context(styled(pipeline, spec, files, memory))
        if moves and (spec["loras"] or spec["style"]):
            place()
            lent.callback(pipeline.remove_all_hooks)
        yield beside


@contextmanager
def _with_text_model(pipeline) -> Iterator[None]:
    """Gives a CLIP text encoder back the name under which diffusers looks for its last norm to skip layers.

    transformers 5.6 took away what stood between the two; diffusers 0.42 does not know yet.
    """
    encoder = getattr(pipeline, "text_encoder", None)
    if not hasattr(encoder, "final_layer_norm") or hasattr(encoder, "text_model"):
        yield
        return
    vars(encoder)["text_model"] = encoder  # not as a module: it would be its own part
    try:
        yield
    finally:
        del vars(encoder)["text_model"]


@contextmanager
def _scheduled(pipeline, spec: Mapping) -> Iterator[None]:
    own = pipeline.scheduler
    pipeline.scheduler = scheduler(spec["scheduler"], own)
    try:
        yield
    except UNFIT as error:
        raise StrataError(_unfit_scheduler(spec["scheduler"], own, " ".join(str(error).split())[:300])) from error
    finally:
        pipeline.scheduler = own


def scheduler(name: str, own):
    """A scheduler by the name of its class, in place of a model's own one, whose noise it must undo.

    A model that was trained by flow matching gets a solver of differential equations in its form for flows; others have
    nothing that they could do for it.
    """
    kinds = [kind for kind in dir(diffusers) if kind.endswith("Scheduler") and not kind.startswith("Flax")]
    if name not in kinds:
        close = ", ".join(difflib.get_close_matches(name, kinds, n=3)) or "EulerDiscreteScheduler"
        raise StrataError(f"diffusers has no scheduler {name!r} (the key `scheduler`). Close to it: {close}.")
    kind = getattr(diffusers, name)
    flow = {}
    if _flows(own) and "use_flow_sigmas" in inspect.signature(kind.__init__).parameters:
        flow = {
            "use_flow_sigmas": True,
            "prediction_type": "flow_prediction",
            "flow_shift": own.config.get("shift", 1.0),
        }
    chosen = kind.from_config(own.config, **flow)
    if _flows(own) != _flows(chosen):
        raise StrataError(_unfit_scheduler(name, own, "one is for flow matching, the other is not"))
    return chosen


def _flows(scheduler) -> bool:
    return "FlowMatch" in type(scheduler).__name__ or bool(scheduler.config.get("use_flow_sigmas"))


def _unfit_scheduler(name: str, own, reason: str) -> str:
    return (
        f"The scheduler {name} does not fit the model, whose own is {type(own).__name__}: {reason}. Take another one, or leave "
        "the key `scheduler` out."
    )


@contextmanager
def _with_loras(pipeline, spec: Mapping, files: Mapping[str, str], memory: Path | None) -> Iterator[None]:
    if not hasattr(pipeline, "load_lora_weights"):
        raise StrataError(
            f"The model {spec['model']['id']} is a {type(pipeline).__name__}, which takes no LoRA adapters. Take `loras` out."
        )
    names = [f"adapter_{place}" for place in range(len(spec["loras"]))]
    try:
        for name, lora in zip(names, spec["loras"], strict=True):
            _load(pipeline, name, lora, Path(files[lora["file"]]), memory)
        pipeline.set_adapters(names, [lora["weight"] for lora in spec["loras"]])
        yield
    finally:
        reset = "reset_to_overwritten_params" in inspect.signature(pipeline.unload_lora_weights).parameters
        pipeline.unload_lora_weights(**({"reset_to_overwritten_params": True} if reset else {}))


def _load(pipeline, name: str, lora: Mapping, path: Path, memory: Path | None) -> None:
    if fingerprints.file(path, memory) != lora["fingerprint"]:
        raise StrataError(f"{path} changed after the build began. Build again: then all layers are made with one.")
    try:
        pipeline.load_lora_weights(load_file(path), adapter_name=name)
    except (*UNFIT, RuntimeError, SafetensorError) as error:
        if hardware.ran_out(error):
            raise
        raise StrataError(_unfit(pipeline, path, " ".join(str(error).split())[:300])) from None
    if not any(name in adapters for adapters in pipeline.get_list_adapters().values()):
        raise StrataError(_unfit(pipeline, path, "none of its weights has a place in the model"))


def _unfit(pipeline, path: Path, reason: str) -> str:
    return (
        f"The LoRA adapter {path} does not fit the model, a {type(pipeline).__name__}: {reason}. Take one that was trained for "
        "this family."
    )
