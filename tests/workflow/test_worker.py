"""A real worker and real pipelines: the same bytes as without one, and what happens when it dies."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw

from helpers.recorder import Recorder
from helpers.settings import make_runtime
from helpers.working_folder import WorkingFolder, scene
from strata.errors import StrataError
from strata.painting import paint, under_way, worker_client
from strata.painting.request import Request
from strata.scene.scene import Scene

PATIENCE = 120  # seconds, on a machine that is busy with other things


class ActingRecorder(Recorder):
    """A reporter that remembers, and does something at each step."""

    def __init__(self, act: Callable[[], None]):
        super().__init__()
        self._act = act

    def step(self, done: int, steps: int) -> None:
        super().step(done, steps)
        self._act()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with what an inpainting pass reads."""
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
    runtime = make_runtime(worker={"enabled": worker, "idle_seconds": 60})
    if task == "text_to_image":
        return Request(complete.background(), "results/layer.png", runtime)
    return Request(complete.inpaint("astronaut"), "results/layer.png", runtime, plate=("plate.png",), mask="mask.png")


def painted(request, reporter=None) -> bytes:
    Path("results/layer.png").unlink(missing_ok=True)
    paint.paint(request, reporter or Recorder())
    return Path("results/layer.png").read_bytes()


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def pid() -> int:
    return worker_client.ask(worker_client.find_socket(), "status")["pid"]


@pytest.mark.parametrize("task", ["text_to_image", "inpaint"])
def test_cold_warm_and_without_a_worker_the_bytes_are_the_same(models, folder, task):
    alone = painted(request(models, task, worker=False))
    first = painted(request(models, task))
    other = painted(request(models, task, prompt="something else", seed=5, steps=4))
    assert painted(request(models, task)) == first == alone != other


def test_a_worker_shows_nothing_ahead_to_nobody(models, folder):
    reporter = Recorder()
    painted(request(models, "inpaint"), reporter)
    assert reporter.previews == []


@pytest.mark.parametrize("worker", [True, False])
def test_a_subject_is_shown_ahead_at_its_place_and_cut_out(models, folder, worker):
    under_way.watch()
    reporter = Recorder()
    painted(request(models, "inpaint", worker=worker), reporter)
    shown = reporter.previews[0]
    picture = Image.open(io.BytesIO(shown.picture))
    left, top, right, bottom = shown.box
    assert (picture.mode, picture.size) == ("RGBA", (right - left, bottom - top))
    assert picture.getchannel("A").tobytes() == Image.open("mask.png").crop(shown.box).tobytes()
    assert len({color for _, color in picture.getcolors(10**6)}) > 10


def test_a_worker_that_is_killed_in_the_middle_costs_no_layer(models, folder):
    whole = painted(request(models, "text_to_image", steps=8))
    victim = pid()

    def kill():
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    reporter = ActingRecorder(kill)
    assert painted(request(models, "text_to_image", steps=8), reporter) == whole
    assert "the worker ended in the middle of the pass; it is started again" in reporter.lines
    assert pid() != victim
    assert [path.name for path in Path("results").iterdir()] == ["layer.png"]


def test_a_pass_that_is_interrupted_stops_and_leaves_nothing(models, folder):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        painted(request(models, "text_to_image", steps=500), ActingRecorder(interrupt))
    # The one that asks is itself under way, and does not count itself.
    until(lambda: worker_client.ask(worker_client.find_socket(), "status")["under_way"] == 0)
    assert list(Path("results").iterdir()) == []
    assert painted(request(models, "text_to_image"))


def test_a_model_that_changed_on_disk_is_not_painted_from_memory(models, folder):
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


def test_two_builds_at_once_share_one_worker(models, tmp_path, empty, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "two-builds")  # a machine where no worker is up yet
    folders = [empty, WorkingFolder(tmp_path / "other", models)]
    folders[1].edit("background.seed", 5)
    builds = [
        subprocess.Popen(
            each.command("results/background.png"),
            cwd=each.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for each in folders
    ]
    said = [build.communicate(timeout=PATIENCE)[0] for build in builds]
    assert [build.returncode for build in builds] == [0, 0], said
    # A job says so when it paints by itself, or when its worker ended or made room for another.
    logs = [(each.folder / "logs/background.log").read_text() for each in folders]
    assert ["step 3 of 3" in log and "worker" not in log for log in logs] == [True, True], logs
    until(lambda: len(workers_of(worker_client.find_socket())) == 1)  # what the other build started has ended
    status = worker_client.ask(worker_client.find_socket(), "status")
    assert {status["pid"]} == workers_of(worker_client.find_socket())
    assert status["held"] == [f"{models / 'text-to-image'} (text_to_image, cpu)"]
    layers = [(each.folder / "results/background.png").read_bytes() for each in folders]
    assert layers[0] != layers[1]
    worker_client.ask(worker_client.find_socket(), "stop")


def workers_of(socket: Path) -> set[int]:
    """The processes that serve a socket, or are about to."""
    return {each.pid for each in psutil.process_iter(["cmdline"]) if str(socket) in (each.info["cmdline"] or ())}


def test_a_build_whose_passes_are_all_in_the_store_starts_no_worker(built, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "a-machine-without-a-worker")
    shutil.rmtree(built.folder / "results")
    said = built.build()
    assert "painted" not in said
    assert "from the store" in said
    assert worker_client.ask(worker_client.find_socket(), "status") is None
    assert not worker_client.find_socket().with_suffix(".log").exists()  # which a start makes at once


def test_it_can_be_stopped_and_none_is_left(models, empty, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "one-to-be-stopped")
    process = worker_client.start(60)
    until(worker_client.is_up)
    assert f"process {process.pid}: 0 passes under way, held no model" in empty.strata("worker", "status").stdout
    assert worker_client.ask(worker_client.find_socket(), "stop")["pid"] == process.pid
    assert process.wait(PATIENCE) == 0
    assert not worker_client.find_socket().exists()


def test_the_command_stops_the_workers_of_this_user(empty, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("machine")))  # where no other worker is
    monkeypatch.setattr("tempfile.tempdir", None)
    process = worker_client.start(60)
    until(worker_client.is_up)
    stopped = empty.strata("worker", "stop")
    assert (stopped.returncode, stopped.stdout) == (
        0,
        f"process {process.pid}: stopped, 0 passes under way, held no model\n",
    )
    assert process.wait(PATIENCE) == 0
    assert empty.strata("worker", "status").stdout == "No worker is up.\n"


def test_a_second_one_ends_at_once(models, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "two-at-once")
    pair = [worker_client.start(60), worker_client.start(60)]
    until(lambda: any(process.poll() == 0 for process in pair))
    until(worker_client.is_up)
    worker_client.ask(worker_client.find_socket(), "stop")
    assert [process.wait(PATIENCE) for process in pair] == [0, 0]
