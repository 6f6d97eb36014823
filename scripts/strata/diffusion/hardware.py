"""The devices of this machine, what they compute in, and how a pipeline is laid out on them."""

import os
from pathlib import Path

import torch

LADDER = ("whole", "model", "sequential")
"""Placements, each of which needs less memory of the device than the one before, and more time."""

# What a pass needs beside the weights (activations, the decoder's work), as a share of the weights and at the least.
HEADROOM_SHARE, HEADROOM_BYTES = 0.3, 1_500_000_000


def devices(setting: str) -> dict[str, str]:
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


def available(setting: str) -> bool:
    """Whether this machine has the device that a setting names."""
    kind, _, index = setting.partition(":")
    if kind == "cuda":
        return torch.cuda.is_available() and int(index or 0) < torch.cuda.device_count()
    return kind != "mps" or torch.backends.mps.is_available()


def dtype(setting: str, device: str) -> torch.dtype:
    """The precision of a model's weights: the setting, or for auto what the device is fast and safe in.

    bfloat16 has the range of float32, so that no picture turns black where float16 overflows. On a processor it pays
    with AMX or AVX512-BF16; without them it crawls.
    """
    if setting != "auto":
        return getattr(torch, setting)
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if device == "mps":
        return torch.float16
    abilities = torch.cpu.get_capabilities()
    fast = abilities.get("amx_tile") or abilities.get("avx512_bf16") or abilities.get("bf16")
    return torch.bfloat16 if fast else torch.float32


def use_threads(threads: int) -> None:
    """Lets a pass on the cpu use so many threads; 0 for all that this process may use.

    Snakemake sets OMP_NUM_THREADS to the threads of the rule, which is about the scheduler's slots: with `--cores 1` a
    pass would leave the other cores of the machine idle.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(threads or allowed)


def placement(setting: str, attempt: int, device: str, weights: int, free: int) -> str:
    """A step of LADDER.

    Args:
        setting: auto, or a step, which is then the first to be tried.
        attempt: 1 for the first try; each further one goes a step down.
        device: torch's name; only cuda has memory of its own to be spared.
        weights: the bytes of the pipeline's weights in the precision that is used.
        free: the bytes free on the device.
    """
    if not device.startswith("cuda"):
        return "whole"
    first = LADDER[0]
    if setting != "auto":
        first = setting
    elif weights + max(weights * HEADROOM_SHARE, HEADROOM_BYTES) > free:
        first = LADDER[1]
    return LADDER[min(LADDER.index(first) + attempt - 1, len(LADDER) - 1)]


def free_memory(device: str) -> int:
    """The bytes free on a device; for a processor there is nothing to choose, and 0 is said."""
    return torch.cuda.mem_get_info(torch.device(device))[0] if device.startswith("cuda") else 0


def available_memory(device: str) -> int:
    """The bytes that may still be taken on a device without harm to other programs; for a processor, of the memory."""
    if device.startswith("cuda"):
        return free_memory(device)
    return min([_available(), *_cgroup_headroom()])


def _available() -> int:
    # What the page cache holds counts as available, so that the C library's number of free pages is far too low.
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 2**63  # unknown: the operating system swaps where it must


def _cgroup_headroom() -> list[int]:
    """What the limit of the process's control group leaves, which a job of a cluster's queue has; empty for none."""
    try:
        group = Path("/proc/self/cgroup").read_text().rpartition("::")[2].strip()
        folder = Path("/sys/fs/cgroup") / group.lstrip("/")
        return [int((folder / "memory.max").read_text()) - int((folder / "memory.current").read_text())]
    except (OSError, ValueError):
        return []
