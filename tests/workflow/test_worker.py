"""A real worker and real pipelines: the same bytes as without one, and what happens when it dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from strata.painting import paint, worker_client
from strata.errors import StrataError
from strata.painting.request import Request
from strata.scene.scene import Scene
from workshop import ROOT, scene

PATIENCE = 120  # seconds, on a machine that is busy with other things


class Told:
    """A log that remembers, and does something at each step."""

    def __init__(self, at_step=lambda done, steps: None):
        self.lines, self.step = [], at_step

    def say(self, text):
        self.lines.append(text)

    def note(self, text):
        self.lines.append(text)

    def check(self):
        pass


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A workflow's folder with what an inpainting pass reads."""
    monkeypatch.chdir(tmp_path)
    Image.linear_gradient("L").resize((96, 64)).convert("RGB").save("plate.png")
    mask = Image.new("L", (96, 64))
    ImageDraw.Draw(mask).ellipse((16, 8, 64, 56), fill=255)
    mask.save("mask.png")
    Path("results").mkdir()
    return tmp_path


def request(models, task, worker=True, **changes):
    described = scene(models)
    described["background"] |= changes
    described["subjects"]["astronaut"] |= changes
    complete = Scene(described, "config.yaml")
    runtime = {
        "device": "cpu",
        "placement": "auto",
        "threads": 1,
        "store": {"folder": ".strata/store", "limit_gb": 0},
        "worker": {"enabled": worker, "idle_seconds": 60},
    }
    if task == "text_to_image":
        return Request(complete.background(), "results/layer.png", runtime)
    return Request(complete.inpaint("astronaut"), "results/layer.png", runtime, plate=("plate.png",), mask="mask.png")


def painted(request, log=None) -> bytes:
    Path("results/layer.png").unlink(missing_ok=True)
    paint.paint(request, log or Told())
    return Path("results/layer.png").read_bytes()


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def pid() -> int:
    return worker_client.ask(worker_client.address(), "status")["pid"]


@pytest.mark.parametrize("task", ["text_to_image", "inpaint"])
def test_cold_warm_and_without_a_worker_the_bytes_are_the_same(models, folder, task):
    alone = painted(request(models, task, worker=False))
    first = painted(request(models, task))
    other = painted(request(models, task, prompt="something else", seed=5, steps=4))
    assert painted(request(models, task)) == first == alone != other


def test_a_worker_that_is_killed_in_the_middle_costs_no_layer(models, folder):
    whole = painted(request(models, "text_to_image", steps=8))
    victim = pid()

    def kill(done, steps):
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    log = Told(kill)
    assert painted(request(models, "text_to_image", steps=8), log) == whole
    assert "the worker ended in the middle of the pass; it is started again" in log.lines
    assert pid() != victim
    assert [path.name for path in Path("results").iterdir()] == ["layer.png"]


def test_a_pass_that_is_interrupted_stops_and_leaves_nothing(models, folder):
    def interrupt(done, steps):
        raise KeyboardInterrupt

    log = Told(interrupt)
    with pytest.raises(KeyboardInterrupt):
        painted(request(models, "text_to_image", steps=500), log)
    # The one that asks is itself under way, and does not count itself.
    until(lambda: worker_client.ask(worker_client.address(), "status")["under_way"] == 0)
    assert list(Path("results").iterdir()) == []
    assert painted(request(models, "text_to_image"))


def test_a_model_that_changed_on_disk_is_not_painted_from_memory(models, folder):
    import shutil

    from safetensors.numpy import load_file, save_file

    own = folder / "models"
    shutil.copytree(models, own)
    before = request(own, "text_to_image")
    first = painted(before)
    weights = own / "text-to-image/unet/diffusion_pytorch_model.safetensors"
    save_file({name: tensor * 0.9 for name, tensor in load_file(weights).items()}, weights, {"format": "pt"})
    with pytest.raises(StrataError, match="changed after the build began"):
        painted(before)
    after = request(own, "text_to_image")
    assert painted(after) == painted(request(own, "text_to_image", worker=False)) != first


def test_two_workflows_at_once_share_one_worker(models, tmp_path, empty):
    from workshop import Workshop

    workshops = [empty, Workshop(tmp_path / "other", models)]
    workshops[1].edit("background.seed", 5)
    for workshop in workshops:
        workshop.edit("runtime.threads", 1)
    builds = [
        subprocess.Popen(
            workshop.command("results/background.png"),
            cwd=workshop.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for workshop in workshops
    ]
    said = [build.communicate(timeout=PATIENCE)[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    layers = [(workshop.folder / "results/background.png").read_bytes() for workshop in workshops]
    assert layers[0] != layers[1]


def test_a_build_whose_passes_are_all_in_the_store_starts_no_worker(built):
    built.build("--forceall", "results/final.png", SLURM_JOB_ID="a-machine-without-a-worker")
    where = "from strata import workers; print(worker_client.ask(worker_client.address(), 'status'))"
    said = subprocess.run(
        [sys.executable, "-c", where],
        env=os.environ | {"SLURM_JOB_ID": "a-machine-without-a-worker", "PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
    )
    assert said.stdout == "None\n", said.stderr


def test_it_can_be_stopped_and_none_is_left(models, folder, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "one-to-be-stopped")
    process = worker_client.start(60)
    until(lambda: worker_client.ask(worker_client.address(), "status"))
    command = [sys.executable, str(ROOT / "scripts/worker.py")]
    told = subprocess.run([*command, "status"], capture_output=True, text=True, check=True).stdout
    assert f"process {process.pid}: 0 passes under way" in told
    assert worker_client.ask(worker_client.address(), "stop")["pid"] == process.pid
    assert process.wait(PATIENCE) == 0
    assert not worker_client.address().exists()


def test_a_second_one_ends_at_once(models, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "two-at-once")
    pair = [worker_client.start(60), worker_client.start(60)]
    until(lambda: any(process.poll() == 0 for process in pair))
    until(lambda: worker_client.ask(worker_client.address(), "status"))
    worker_client.ask(worker_client.address(), "stop")
    assert [process.wait(PATIENCE) for process in pair] == [0, 0]
