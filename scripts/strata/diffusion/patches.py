"""What touches the insides of torch, diffusers, transformers and spandrel: each patch, why it is there, when it may go.

tests/unit/test_patches.py fails when one of these insides changes. No issue upstream is known for any of them.

prepare() says that torch has no distributed tensors, and puts LazyCompiler in the place of torch._dynamo.
    diffusers and transformers import both just to ask for them and to decorate functions: a third of a cold start.
    May go when they import them lazily.
import_compiler() takes the LazyCompiler away again where blocks are compiled.
    Submodules of torch._dynamo that are imported first look for the real one in vain. May go when the LazyCompiler does.
prepare() sets the verbosity of diffusers and transformers to errors.
    For each pipeline diffusers warns that AutoencoderTiny is not the class it expects, and that torchvision is missing.
    May go when these two warnings do.
clip_text_model() gives CLIPTextModel the attribute `text_model` back.
    transformers 5.6 took it away; diffusers 0.42 looks there for the last norm when it skips layers.
    May go when diffusers looks elsewhere.
import_spandrel() puts something in the place of torchvision while spandrel is imported.
    spandrel imports it for two architectures that enlarge nothing; its wheels fit one build of torch each, and one that does
    not fit breaks transformers, too. May go when spandrel imports it lazily.
watch_sampler() puts a function of its own before a scheduler's step().
    A pipeline's callback is told the latents after a step, which are noise until late, and never what its model expects.
    May go when diffusers' callbacks are given the model's output.
"""

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from strata.errors import StrataError

COMPILER = "torch._dynamo"

# How long a thread of a pass looks for its next piece of work before it sleeps, in turns of a loop. By default it never
# sleeps, and on a busy machine it keeps a core from the thread that it waits for: the default scene's passes took 65 s there
# instead of 22, and as long as before on an idle one.
SPINS = 3000

TORCHVISION = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


def prepare() -> None:
    """Makes diffusers and transformers quiet and quick to import. To be called before anything imports them."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    _lighten_imports()
    _silence()


def import_compiler() -> None:
    """Puts torch's own compiler back before something is compiled: its submodules cannot be imported without it."""
    if isinstance(sys.modules.get(COMPILER), LazyCompiler):
        del sys.modules[COMPILER]
    importlib.import_module(COMPILER)


@contextmanager
def clip_text_model(pipeline: Any) -> Iterator[None]:
    """Gives a CLIP text encoder the name back under which diffusers looks for its last norm to skip layers."""
    encoder = getattr(pipeline, "text_encoder", None)
    if not hasattr(encoder, "final_layer_norm") or hasattr(encoder, "text_model"):
        yield
        return
    vars(encoder)["text_model"] = encoder  # not as a module: it would be its own part
    try:
        yield
    finally:
        del vars(encoder)["text_model"]


def import_spandrel() -> ModuleType:
    """spandrel, imported without torchvision where that is not installed."""
    absent = TORCHVISION[0] not in sys.modules and find_spec(TORCHVISION[0]) is None
    if absent:
        sys.modules.update({name: Absent(name) for name in TORCHVISION})
    try:
        return importlib.import_module("spandrel")
    finally:
        if absent:
            for name in TORCHVISION:
                del sys.modules[name]


@contextmanager
def watch_sampler(scheduler: Any, see: Callable[[Any, Any, Any], None]) -> Iterator[None]:
    """Has each step of a scheduler tell what it was given, after it was taken: the model's output, the timestep, the sample."""
    step = scheduler.step

    @functools.wraps(step)  # pipelines ask for its parameters
    def watched(model_output: Any, timestep: Any, sample: Any, *more: Any, **named: Any) -> Any:
        taken = step(model_output, timestep, sample, *more, **named)
        see(model_output, timestep, sample)
        return taken

    scheduler.step = watched
    try:
        yield
    finally:
        del scheduler.step


class Absent(ModuleType):
    """Stands in for a package that is not there. Whatever is taken from it may be named, and not used."""

    def __getattr__(self, name: str) -> "Absent":
        if name.startswith("__"):
            raise AttributeError(name)
        return Absent(f"{self.__name__}.{name}")

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        raise StrataError(f"This network needs {self.__name__}, which is not installed. Take another one.")


class LazyCompiler(ModuleType):
    """Stands in for torch._dynamo as long as nothing is compiled. Its submodules are the real ones."""

    def __init__(self, name: str, folder: Path):
        super().__init__(name)
        self.__path__ = [str(folder)]
        self.allow_in_graph = self.assume_constant_result = self.disable = _leave_as_it_is
        # diffusers asks for each part of a pipeline whether it is a compiled one.
        self.eval_frame = SimpleNamespace(OptimizedModule=type("OptimizedModule", (), {}))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _leave_as_it_is(function: Callable[..., Any] | None = None, *_: Any, **__: Any) -> Any:
    """A decorator that changes nothing, with settings or without."""
    return _leave_as_it_is if function is None else function


def _lighten_imports() -> None:
    """Spares about a third of the time that the imports take: torch's compiler and its distributed tensors."""
    import torch

    # A build of torch may lack distributed tensors, so that it is enough to say so.
    torch.distributed.is_available = lambda: False
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = LazyCompiler(COMPILER, Path(torch.__file__).parent / "_dynamo")


def _silence() -> None:
    """Silences bars and remarks of diffusers and transformers. Errors stay."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (transformers.utils.logging, diffusers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
