"""Ways to paint faster or with less memory, each of which changes the picture a little: compiled blocks, skipped blocks, small weights."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from diffusers import FirstBlockCacheConfig, TaylorSeerCacheConfig

from strata.diffusion import patches
from strata.errors import StrataError
from strata.passes import Speed, StepCache

COMPILERS = ("c++", "g++", "clang++")

WARM_UP = 3
"""The steps that TaylorSeer computes in full before it extrapolates any."""

CONTEXT = "cond"
"""What diffusers calls the cache of the guided half of a step; of all of it, where guidance was distilled into the weights."""


def find_denoiser(pipeline: Any) -> Any:
    """The part of a pipeline that runs in each step: its transformer or its UNet."""
    return getattr(pipeline, "transformer", None) or pipeline.unet


def apply(pipeline: Any, speed: Speed, dtype: torch.dtype, device: str) -> None:
    """Makes the part of a new pipeline that runs in each step faster, or smaller.

    Args:
        dtype: what it computes in.
        device: torch's name of the one that it will be on.

    Raises:
        StrataError: the family, or the machine, has no such thing.
    """
    denoiser, kind = find_denoiser(pipeline), type(pipeline).__name__
    if speed["weights"] == "float8":
        denoiser.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)
    if cache := speed["cache"]:
        if not hasattr(denoiser, "enable_cache"):
            raise StrataError(
                f"The model is a {kind}, whose steps cannot skip blocks. Take `speed.cache` out of its entry in models."
            )
        denoiser.enable_cache(_configure(cache))
    if speed["compile"]:
        if not getattr(denoiser, "_repeated_blocks", None):
            raise StrataError(
                f"The model is a {kind}, whose blocks diffusers cannot compile. Take `speed.compile` out of its entry in models."
            )
        _check_compiler(device)
        patches.import_compiler()
        denoiser.compile_repeated_blocks()


@contextmanager
def fresh_cache(pipeline: Any, speed: Speed | None) -> Iterator[None]:
    """Has the steps of one pass skip blocks by what they computed themselves, and by nothing that a pass before them left."""
    denoiser = find_denoiser(pipeline)
    if not speed or not speed["cache"]:
        yield
        return
    denoiser._reset_stateful_cache()
    try:
        # Most pipelines say which half of a guided step they compute. Those of FLUX.1 that do not have no halves.
        with denoiser.cache_context(CONTEXT):
            yield
    finally:
        denoiser._reset_stateful_cache()


def _configure(cache: StepCache) -> Any:
    if cache["kind"] == "first_block":
        return FirstBlockCacheConfig(threshold=cache["threshold"])
    return TaylorSeerCacheConfig(cache_interval=cache["interval"], disable_cache_before_step=WARM_UP)


def _check_compiler(device: str) -> None:
    on_cuda = device.startswith("cuda")
    if on_cuda and find_spec("triton") is None:
        raise StrataError(
            "`speed.compile` needs Triton on this device, which is not installed. Install it, or take the key out."
        )
    if not on_cuda and not any(map(shutil.which, COMPILERS)):
        raise StrataError(
            f"`speed.compile` needs a C++ compiler, and there is none ({', '.join(COMPILERS)}). Install one, or take the key out."
        )
