"""Devices: which are there, what they compute in, and how a pipeline is laid out on them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from strata.diffusion import devices

GB = 10**9


@pytest.mark.parametrize(
    ("setting", "attempt", "device", "parts", "free", "placement"),
    [
        ("auto", 1, "cpu", [99 * GB], 0, "whole"),
        ("auto", 2, "cpu", [99 * GB], 0, "tiles"),
        ("auto", 3, "cpu", [99 * GB], 0, "tiles"),
        ("sequential", 1, "cpu", [99 * GB], 0, "whole"),
        ("tiles", 1, "cpu", [99 * GB], 0, "tiles"),
        ("auto", 1, "mps", [99 * GB], 0, "whole"),
        ("auto", 1, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "whole"),
        ("auto", 2, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "model"),
        ("auto", 3, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "sequential"),
        ("auto", 4, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "tiles"),
        ("auto", 9, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "tiles"),
        ("auto", 1, "cuda:0", [5 * GB, 2 * GB], 8 * GB, "model"),
        ("auto", 2, "cuda:0", [5 * GB, 2 * GB], 8 * GB, "sequential"),
        ("auto", 1, "cuda:0", [7 * GB, 1 * GB], 8 * GB, "sequential"),
        ("auto", 2, "cuda:0", [7 * GB, 1 * GB], 8 * GB, "tiles"),
        ("whole", 1, "cuda:0", [99 * GB], 8 * GB, "whole"),
        ("model", 1, "cuda:0", [1 * GB], 8 * GB, "model"),
        ("sequential", 2, "cuda:0", [1 * GB], 8 * GB, "tiles"),
        ("tiles", 1, "cuda:0", [1 * GB], 8 * GB, "tiles"),
    ],
)
def test_placement_goes_down_the_ladder(setting, attempt, device, parts, free, placement):
    assert devices.choose_placement(setting, attempt, device, parts, free) == placement


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
            True,
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("Expected all tensors to be on the same device"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_says_that_memory_ran_out(error, answer):
    assert devices.ran_out_of_memory(error) == answer


def test_a_processor_is_always_there():
    assert devices.is_available("cpu")
    assert devices.find_devices("cpu") == {"cpu": "cpu"}
    assert devices.is_available("auto")
    assert not devices.is_available("cuda:99")


@pytest.mark.parametrize(("setting", "dtype"), [("float32", torch.float32), ("float16", torch.float16)])
def test_precision_is_the_models_own_if_it_is_set(setting, dtype):
    assert devices.choose_dtype(setting, "cpu") == dtype


def test_precision_for_a_processor_depends_on_its_abilities(monkeypatch):
    for abilities, dtype in [({"amx_tile": True}, torch.bfloat16), ({"avx512": True}, torch.float32)]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda abilities=abilities: abilities)
        assert devices.choose_dtype("auto", "cpu") == dtype


def test_the_memory_of_this_machine_is_told():
    assert 0 < devices.available_memory("cpu") < 2**63


def test_a_pass_uses_so_many_threads(monkeypatch):
    used = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda process: {0, 2, 5}, raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for threads in (0, 7):
        devices.use_threads(threads)
    assert used == [3, 7]


def test_a_pass_keeps_its_threads_whatever_another_one_sets():
    """The worker has a thread for each job: a pass that came out with fewer threads than it asked for had other pixels."""
    with ThreadPoolExecutor(1) as pass_at_work, ThreadPoolExecutor(1) as next_one:
        for threads in (3, 2):
            pass_at_work.submit(devices.use_threads, threads).result()
            next_one.submit(devices.use_threads, 1).result()
            assert pass_at_work.submit(torch.get_num_threads).result() == threads
