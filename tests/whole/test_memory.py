"""A build on little memory: passes that run out of it are tried again, each time with less on the device."""

import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.working_folder import ROOT
from strata.diffusion import pipelines
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
    """In one job, and in a worker."""
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


@pytest.mark.parametrize("task", ["text_to_image", "inpaint"])
def test_the_embedded_models_decode_in_tiles(task):
    """So that a processor has a second step when memory runs out."""
    folder = ROOT / "models/embedded" / ("text-to-image" if task == "text_to_image" else "inpainting")
    model = {"id": str(folder), "revision": None, "variant": None, "dtype": "float32", "fingerprint": None}
    pictures = []
    for placement in ("whole", "tiles"):
        pipeline = pipelines.load(task, model, folder, "cpu", placement, 1).pipeline
        plate = {"image": Image.linear_gradient("L").resize((512, 384)).convert("RGB"), "strength": 0.9}
        plate["mask_image"] = Image.new("L", (512, 384))
        plate["mask_image"].paste(255, (100, 100, 300, 300))
        picture = pipeline(
            "a red robot, a desert",
            width=512,
            height=384,
            num_inference_steps=3,
            generator=torch.Generator().manual_seed(1),
            **(plate if task == "inpaint" else {}),
        ).images[0]
        pictures.append(np.asarray(picture).astype(int))
    difference = np.abs(pictures[0] - pictures[1])
    assert difference.mean() < 1
    assert np.percentile(difference, 99) < 12  # more where two tiles meet
