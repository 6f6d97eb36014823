"""The companions of torch: kept off the terminal, and imported without what a pass never needs."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

COMPILER = "torch._dynamo"

# How long a thread of a pass looks for its next piece of work before it sleeps, in turns of a loop. By default it is so long
# that it never sleeps, and on a machine that does something else, too, it keeps a core from the thread that it waits for:
# the default scene's passes took 65 s there instead of 22, and as long as before on an idle one.
SPINS = 3000


def prepare() -> None:
    """Makes diffusers and transformers quiet and quick to import. To be called before anything imports them."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
    _lighten()
    _quiet()


def _quiet() -> None:
    """Silences bars and remarks of diffusers and transformers; errors stay.

    Among the remarks are two that are no news here: that torchvision is not installed, and that AutoencoderTiny is not the
    autoencoder that a pipeline expects.
    """
    import diffusers.utils.logging
    import transformers.utils.logging

    for logging in (transformers.utils.logging, diffusers.utils.logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()


def _lighten() -> None:
    """Spares about a third of the time that the imports take: torch's compiler and its distributed tensors.

    diffusers and transformers import both just to decorate functions with them and to ask what they have before them. A
    build of torch may lack the latter, so that it is enough to say so. In the compiler's place stands a module that has
    what decorators need; for anything else it fetches the compiler.
    """
    import torch

    torch.distributed.is_available = lambda: False
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = Compiler(COMPILER, Path(torch.__file__).parent / "_dynamo")


class Compiler(ModuleType):
    """Stands in for a package as long as nothing is compiled. Its submodules are the real ones."""

    def __init__(self, name: str, folder: Path):
        super().__init__(name)
        self.__path__ = [str(folder)]
        self.allow_in_graph = self.assume_constant_result = self.disable = _as_it_is
        # Asked for each part of a pipeline: whether it is a compiled one.
        self.eval_frame = SimpleNamespace(OptimizedModule=type("OptimizedModule", (), {}))

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def _as_it_is(function=None, *_, **__):
    """A decorator that changes nothing, with settings or without."""
    return _as_it_is if function is None else function
