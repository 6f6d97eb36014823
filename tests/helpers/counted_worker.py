"""A worker whose only device has so many bytes: python counted_worker.py <socket> <bytes>. Any job finds and uses it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from strata.diffusion import patches  # noqa: E402

patches.prepare()

from helpers.counted_device import CountedDevice, stand_ins  # noqa: E402
from strata.diffusion import devices  # noqa: E402
from strata.painting import execution, worker  # noqa: E402

device = CountedDevice(int(sys.argv[2]))
for name, function in stand_ins(device).items():
    setattr(devices, name, function)
execute = execution.execute


def execute_there(*arguments):
    with device:
        return execute(*arguments)


execution.execute = execute_there
worker.serve(Path(sys.argv[1]), idle_seconds=60)
