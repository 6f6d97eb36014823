"""A worker whose only device has so many bytes: python counted_worker.py <socket> <bytes>. Any job finds and uses it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from strata.diffusion import libraries  # noqa: E402

libraries.prepare()

from counted_device import CountedDevice, stand_ins  # noqa: E402
from strata.diffusion import hardware, jobs, worker  # noqa: E402

device = CountedDevice(int(sys.argv[2]))
for name, function in stand_ins(device).items():
    setattr(hardware, name, function)
perform = jobs.perform


def perform_there(*arguments):
    with device:
        return perform(*arguments)


jobs.perform = perform_there
worker.serve(Path(sys.argv[1]), idle_seconds=60)
