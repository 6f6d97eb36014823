"""Where the hub's cache lies, and a model in it. As huggingface_hub has it, without the time that importing that takes."""

import os
from pathlib import Path


def find_cache() -> Path:
    """The folder of the hub's cache, whether it is there or not."""
    default = os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "huggingface")  # noqa: PTH118, joined as there
    cache = os.path.join(_expand(os.environ.get("HF_HOME", default)), "hub")  # noqa: PTH118
    for variable in ("HUGGINGFACE_HUB_CACHE", "HF_HUB_CACHE"):
        cache = os.environ.get(variable, cache)
    return Path(_expand(cache))


def find_snapshot(repository: str, commit: str) -> Path:
    """The folder in the hub's cache (HF_HOME) in which the files of a commit lie, whether it is there or not."""
    return (find_cache() / f"models--{repository.replace('/', '--')}" / "snapshots" / commit).resolve()


def _expand(path: str) -> str:
    return os.path.expandvars(os.path.expanduser(path))  # noqa: PTH111
