"""The runtime that tests paint with: on the processor, with one thread, and no store."""

from typing import Any

from strata.runtime import Runtime
from strata.scene.scenes import RUNTIME


def make_runtime(**settings: Any) -> Runtime:
    """The settings of how jobs run. Those that are given replace the tests' own."""
    described = {"device": "cpu", "threads": 1, "store": {"limit_gb": 0}} | settings
    return Runtime.from_mapping(RUNTIME.complete(described, "a test"))
