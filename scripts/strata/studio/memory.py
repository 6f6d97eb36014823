"""Memory that pictures took, given back: the C library would keep it, for each thread that ever was at one."""

import ctypes
from collections.abc import Callable
from typing import Any


def _find_trim() -> Callable[[int], Any] | None:
    """glibc's malloc_trim(); None where the C library is another one."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return None


_trim = _find_trim()


def give_back() -> None:
    """Gives memory that is free back to the system, where that can be done. It takes about a millisecond."""
    if _trim is not None:
        _trim(0)
