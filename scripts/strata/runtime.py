"""How jobs run: the `runtime` key of the config, complete. schemas/runtime.schema.yaml says what each key means.

Frozen dataclasses and no mapping, on purpose: Snakemake records only builtin types among a rule's params, so that a job gets
the settings, and an edit of them paints nothing again. Imports nothing, since each job's process reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StoreSettings:
    """Where finished passes are kept, its size in GB (10^9 bytes; 0 keeps nothing), and the folder of a team, if any."""

    folder: str
    limit_gb: float
    shared: str | None


@dataclass(frozen=True)
class WorkerSettings:
    """Whether passes are handed to a worker, and the seconds after which an idle one ends."""

    enabled: bool
    idle_seconds: float


@dataclass(frozen=True)
class Runtime:
    """The settings of how jobs run on this machine. `price_per_hour` is what its device costs, for plans; None if unknown."""

    device: str
    placement: str
    threads: int
    store: StoreSettings
    worker: WorkerSettings
    hints: bool
    price_per_hour: float | None
    trust_times: bool

    @classmethod
    def from_mapping(cls, settings: Mapping[str, Any]) -> "Runtime":
        """The settings from complete plain values, such as dataclasses.asdict() gives."""
        store, worker = StoreSettings(**settings["store"]), WorkerSettings(**settings["worker"])
        return cls(**{**settings, "store": store, "worker": worker})
