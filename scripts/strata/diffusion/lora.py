"""LoRA adapters, lent to a pipeline for one pass."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from strata.diffusion import devices
from strata.diffusion.schedulers import UNFIT
from strata.errors import StrataError
from strata.passes import PassLora


@contextmanager
def with_loras(pipeline: Any, model: str, loras: Sequence[PassLora], files: Mapping[str, str]) -> Iterator[None]:
    """Lends a pipeline LoRA adapters, whose effects add up.

    Args:
        model: the model's id, for sentences.
        files: the absolute path of each adapter's file, by its name in the pass.

    Raises:
        StrataError: the pipeline takes none, or one does not fit the model.
    """
    if not hasattr(pipeline, "load_lora_weights"):
        raise StrataError(
            f"The model {model} is a {type(pipeline).__name__}, which takes no LoRA adapters. Take `loras` out."
        )
    names = [f"adapter_{index}" for index in range(len(loras))]
    try:
        for name, lora in zip(names, loras, strict=True):
            _load(pipeline, name, Path(files[lora["file"]]))
        pipeline.set_adapters(names, [lora["weight"] for lora in loras])
        yield
    finally:
        reset = "reset_to_overwritten_params" in inspect.signature(pipeline.unload_lora_weights).parameters
        pipeline.unload_lora_weights(**({"reset_to_overwritten_params": True} if reset else {}))


def _load(pipeline: Any, name: str, path: Path) -> None:
    try:
        pipeline.load_lora_weights(load_file(path), adapter_name=name)
    except (*UNFIT, RuntimeError, SafetensorError) as error:
        if devices.ran_out_of_memory(error):
            raise
        raise StrataError(_unfit(pipeline, path, " ".join(str(error).split())[:300])) from None
    if not any(name in adapters for adapters in pipeline.get_list_adapters().values()):
        raise StrataError(_unfit(pipeline, path, "none of its weights has a place in the model"))


def _unfit(pipeline: Any, path: Path, reason: str) -> str:
    return (
        f"The LoRA adapter {path} does not fit the model, a {type(pipeline).__name__}: {reason}. Take one that was trained for "
        "this family."
    )
