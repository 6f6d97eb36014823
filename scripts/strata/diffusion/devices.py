"""The devices of this machine, what they compute in, and how a pipeline is laid out on them."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import psutil
import torch

_setting_threads = threading.Lock()

LADDER = ("whole", "model", "sequential", "tiles")
"""Placements, each of which needs less memory of the device than the one before, and more time.

All parts of a pipeline on the device; one part at a time; one layer at a time; and that with the autoencoder at work on a
tile of the picture at a time. The last one alone changes pixels a little.
"""

# What a pass needs beside the weights (activations, the decoder's work), as a share of the weights and at the least.
HEADROOM_SHARE, HEADROOM_BYTES = 0.3, 1_500_000_000

# How libraries say that memory ran out, where it is no OutOfMemoryError: on a processor, on Apple's chips, below torch.
EXHAUSTED = (
    "can't allocate memory",
    "not enough memory",
    "out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "std::bad_alloc",
)


def find_devices(setting: str) -> dict[str, str]:
    """The devices that may be used: a name that is the same for each process of the machine -> torch's name.

    Args:
        setting: auto, cpu, mps, cuda or cuda:<index>.
    """
    kind, _, index = setting.partition(":")
    if kind == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if kind != "cuda":
        return {kind: kind}
    # CUDA_VISIBLE_DEVICES renumbers the devices; the UUID stays.
    numbers = [int(index)] if index else range(torch.cuda.device_count())
    return {f"cuda-{torch.cuda.get_device_properties(number).uuid}": f"cuda:{number}" for number in numbers}


def is_available(setting: str) -> bool:
    """Whether this machine has the device that a setting names."""
    kind, _, index = setting.partition(":")
    if kind == "cuda":
        return torch.cuda.is_available() and int(index or 0) < torch.cuda.device_count()
    return kind != "mps" or torch.backends.mps.is_available()


def choose_dtype(setting: str, device: str) -> torch.dtype:
    """The precision of a model's weights: the setting, or for auto what the device is fast and safe in.

    bfloat16 has the range of float32, so that no picture turns black where float16 overflows. On a processor it pays
    with AMX or AVX512-BF16; without them it crawls.
    """
    if setting != "auto":
        chosen: torch.dtype = getattr(torch, setting)
        return chosen
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device == "mps":
        return torch.float16
    abilities = torch.cpu.get_capabilities()
    fast = abilities.get("amx_tile") or abilities.get("avx512_bf16") or abilities.get("bf16")
    return torch.bfloat16 if fast else torch.float32


def use_threads(threads: int) -> None:
    """Lets this thread's pass on the cpu use so many threads; 0 for all that this process may use, whatever OMP_NUM_THREADS says.

    How many there are decides on the last bits of sums, and so on pixels.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with _setting_threads:
        torch.set_num_threads(threads or allowed or 1)
        torch.get_num_threads()  # torch lets a thread take its number over at first use: later it may be another pass's


def choose_placement(setting: str, attempt: int, device: str, parts: Sequence[int], free: int) -> str:
    """A step of LADDER.

    Args:
        setting: auto, or a step, which is then the first to be tried.
        attempt: 1 for the first try; each further one, after one that ran out of memory, goes a step down.
        device: torch's name. One without a memory of its own, in which the weights lie anyhow, knows the first step and
            the last.
        parts: the bytes of the weights of each part that is still to come to the device, in the precision that is used.
        free: the bytes free on the device.
    """
    steps = LADDER if has_own_memory(device) else (LADDER[0], LADDER[-1])
    first = setting
    if setting not in steps:
        first = _first_that_fits(parts, free) if has_own_memory(device) else steps[0]
    return steps[min(steps.index(first) + attempt - 1, len(steps) - 1)]


def _first_that_fits(parts: Sequence[int], free: int) -> str:
    if estimate_need(sum(parts)) <= free:
        return "whole"
    return "model" if estimate_need(max(parts)) <= free else "sequential"


def estimate_need(weights: int) -> int:
    """About what a pass takes of a device that holds so many bytes of weights."""
    return weights + max(int(weights * HEADROOM_SHARE), HEADROOM_BYTES)


def has_own_memory(device: str) -> bool:
    """Whether a device has another memory than the processor, which weights can be kept out of."""
    return device.partition(":")[0] not in ("cpu", "mps")


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice, of whatever kind and on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in EXHAUSTED)


def free_memory(device: str) -> int:
    """The bytes free on a device; for one without a memory of its own there is nothing to choose, and 0 is said.

    What torch keeps for its next tensors counts as free.
    """
    if not device.startswith("cuda"):
        return 0
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(torch.device(device))[0] + kept


def available_memory(device: str) -> int:
    """The bytes that may still be taken on a device without harm to other programs; for a processor, of the memory."""
    if has_own_memory(device):
        return free_memory(device)
    return min([psutil.virtual_memory().available, *_cgroup_headroom()])


def _cgroup_headroom() -> list[int]:
    """What the limit of the process's control group leaves, which a job of a cluster's queue has; empty for none."""
    try:
        group = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip()
        folder = Path("/sys/fs/cgroup") / group.lstrip("/")
        return [int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())]
    except (OSError, ValueError):
        return []
