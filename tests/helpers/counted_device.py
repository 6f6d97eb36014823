"""A device with a memory of its own, for machines that have none: every byte on it is counted, and there is a limit.

Tensors on it say that they are on counted:0, and their values lie in this machine's memory. Pipelines, offload hooks and
samplers do what they would do on a graphics card: they move weights there and back, and make activations there. What lives
there is counted by its storage when it is made and when it goes; one that would exceed the limit raises what torch raises
on a card. Left out is what a card takes beside: its context, its kernels' scratch space, and what fragmentation wastes.
"""

import weakref
from collections.abc import Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

_setup_privateuseone_for_python_backend("counted")
DEVICE = torch.device("counted:0")
LIBRARY = torch.library.Library("aten", "IMPL")

# What may take a tensor of the processor's beside one of the device's: copies, and positions to read or write.
MIXES = ("copy_", "_to_copy", "to", "index", "index_put_", "_index_put_impl_")


class CountedTensor(torch.Tensor):
    """A tensor on the device. `held` has its values."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor, device: "CountedDevice | None" = None, requires_grad: bool = False):
        if device is None:  # accelerate makes parameters by the class of those that they replace
            return torch.nn.Parameter(held, requires_grad)
        return torch.Tensor._make_wrapper_subclass(
            cls,
            held.size(),
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )

    def __init__(self, held: torch.Tensor, device: "CountedDevice"):
        self.held, self.counted_on = held, device

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        device = next(part.counted_on for part in tree_flatten((args, kwargs))[0] if isinstance(part, CountedTensor))
        return device.run(operation, args, kwargs or {})


class CountedDevice(TorchDispatchMode):
    """Within its `with` block, and in its thread alone, tensors can be made on counted:0 and moved there.

    Args:
        limit: its memory in bytes; None for one without end.

    Attributes:
        used: the bytes that live there now.
        peak: the most that ever did; may be set back to `used`.
    """

    def __init__(self, limit: int | None = None):
        super().__init__()
        self.limit, self.used, self.peak = limit, 0, 0
        self._counted = set()

    @property
    def free(self) -> int:
        return (2**62 if self.limit is None else self.limit) - self.used

    def __enter__(self):
        # So that torch.tensor(..., device=...) leaves it to the mode to bring what it made to the device.
        self._before = torch._C._only_lift_cpu_tensors()
        torch._C._set_only_lift_cpu_tensors(True)
        return super().__enter__()

    def __exit__(self, *error):
        torch._C._set_only_lift_cpu_tensors(self._before)
        return super().__exit__(*error)

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return self.run(operation, args, kwargs or {})

    def run(self, operation, args, kwargs):
        """One operation of torch's, on the values; what comes out is on the device if it would be there."""
        parts = tree_flatten((args, kwargs))[0]
        inputs = [part for part in parts if isinstance(part, torch.Tensor)]
        ours = {id(part.held): part for part in inputs if isinstance(part, CountedTensor)}
        name = operation.overloadpacket.__name__
        if name == "_has_compatible_shallow_copy_type":
            return False  # so that a module that moves gets new parameters: one class does not fit into another's shell
        where = [part for part in parts if _is_device(part)]
        there = where[0].type == DEVICE.type if where else bool(ours)
        if name == "copy_":
            there = isinstance(args[0], CountedTensor)
        if not (there or ours):
            return operation(*args, **kwargs)
        if name not in MIXES:
            _refuse_a_mixture(operation, inputs)
        args, kwargs = tree_map(_here, args), tree_map(_here, kwargs)
        made = operation(*args, **kwargs)
        if where and not all(isinstance(part, CountedTensor) == there for part in inputs):
            made = made.clone()  # what moves is no view of what it was
        return tree_map(
            lambda part: self._there(part, ours) if isinstance(part, torch.Tensor) and there else part, made
        )

    def _there(self, held: torch.Tensor, ours: dict[int, CountedTensor]) -> CountedTensor:
        if id(held) in ours:
            return ours[id(held)]  # an operation in place
        self._count(held.untyped_storage())
        with torch.inference_mode(held.is_inference()):  # a view of what is none is none, wherever it is taken
            return CountedTensor(held, self)

    def _count(self, storage: torch.UntypedStorage) -> None:
        place, size = storage._cdata, storage.nbytes()
        if place in self._counted:
            return  # a view
        if size > self.free:
            raise torch.OutOfMemoryError(f"Tried to allocate {size} bytes; {self.free} of {self.limit} are free")
        self._counted.add(place)
        self.used += size
        self.peak = max(self.peak, self.used)
        weakref.finalize(storage, self._let_go, place, size)

    def _let_go(self, place: int, size: int) -> None:
        self._counted.discard(place)
        self.used -= size


@torch.library.impl(LIBRARY, "_local_scalar_dense", "PrivateUse1")
def _number(tensor: CountedTensor) -> float | int | bool:
    """torch.tensor([...]) reads numbers without asking modes and subclasses."""
    return tensor.held.item()


def _is_device(part: object) -> bool:
    return isinstance(part, torch.device)


def _here(part: object) -> object:
    if _is_device(part):
        return torch.device("cpu") if part.type == DEVICE.type else part
    return part.held if isinstance(part, CountedTensor) else part


def _refuse_a_mixture(operation, inputs) -> None:
    if any(part.dim() > 0 and not isinstance(part, CountedTensor) for part in inputs):
        raise RuntimeError(f"Expected all tensors to be on the same device ({operation}), but one is on the processor")


def stand_ins(device: CountedDevice) -> dict[str, Callable]:
    """What takes the place of functions of strata.diffusion.devices, by their names: a machine with that device alone."""
    return {
        "is_available": lambda setting: True,
        "find_devices": lambda setting: {"counted": str(DEVICE)},
        "choose_dtype": lambda setting, device: torch.float32,
        "free_memory": lambda _: device.free,
        "available_memory": lambda _: device.free,
    }
