"""A build on little memory: passes that run out of it are tried again, each time with less on the device."""

import subprocess
import sys
import time

import pytest

from helpers.working_folder import ROOT
from strata.painting import worker_client

PATIENCE = 300  # seconds, on a machine that is busy with other things

# For the tiny scene's background: more than it takes in tiles, 343,000, and less than layer by layer alone, 507,000.
BYTES = 420_000


@pytest.fixture
def small_card(monkeypatch):
    """A worker on a device with little memory, which the jobs of this test find."""
    monkeypatch.setenv("SLURM_JOB_ID", "a-machine-with-a-small-card")
    program = str(ROOT / "tests/helpers/counted_worker.py")
    with subprocess.Popen([sys.executable, program, str(worker_client.find_socket()), str(BYTES)]) as process:
        end = time.monotonic() + PATIENCE
        while not worker_client.is_up():
            assert process.poll() is None
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.05)
        yield
        process.kill()


def test_a_build_goes_down_the_ladder(empty, small_card):
    """By the retries of the profile, and in a worker."""
    empty.edit("runtime.placement", "whole")
    said = empty.build("results/background.png")
    for attempt in (1, 2, 3):
        assert f"counted:0 ran out of memory at attempt {attempt}" in said
    log = (empty.folder / "logs/background.log").read_text()
    assert "placed tiles (attempt 4: the one before ran out of memory)" in log
    assert "background painted" in said


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system enforces no such limit")
def test_a_processor_paints_in_tiles_when_memory_is_short(models, tmp_path):
    """The operating system's own limit on the memory of a process."""
    program = [sys.executable, str(ROOT / "tests/helpers/limited_pass.py"), str(models), str(tmp_path / "layer.png")]
    tries = [
        subprocess.run([*program, attempt], capture_output=True, text=True, timeout=PATIENCE, check=False)
        for attempt in ("1", "2")
    ]
    assert tries[0].returncode == 1
    assert "cpu ran out of memory at attempt 1" in tries[0].stderr
    assert "Traceback" not in tries[0].stderr
    assert tries[1].returncode == 0, tries[1].stderr
    assert "placed tiles" in tries[1].stdout
    assert (tmp_path / "layer.png").exists()
