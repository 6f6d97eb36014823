"""The worker's manners, with a painter that needs no model: who is served, who is refused, and when it goes."""

import os
import socket
import subprocess
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from strata.painting import device_lock, paint, worker_client
from strata.workflow import preparation
from strata.painting import worker
from strata.errors import StrataError
from strata.painting.request import Done, Request

PATIENCE = 60  # seconds, on a machine that is busy with other things


class Told:
    """A log that remembers."""

    def __init__(self):
        self.lines, self.steps = [], []

    def say(self, text):
        self.lines.append(text)

    def step(self, done, steps):
        self.steps.append((done, steps))

    def check(self):
        pass


class Painter:
    """Stands in for diffusion/jobs.py: "paints" the prompt's words, one a step."""

    def __init__(self):
        self.wait = threading.Event()
        self.wait.set()
        self.stopped = None

    def perform(self, request, window, log, shelf):
        words = request.spec["prompt"].split()
        try:
            for place, word in enumerate(words, 1):
                log.step(place, len(words))
                if word == "wrong":
                    raise StrataError(f"{request.layer} is wrong.")
                if word == "bug":
                    raise ZeroDivisionError("a bug")
                assert self.wait.wait(PATIENCE)
        except Exception as error:
            self.stopped = error
            raise
        Path(request.layer).write_text(request.spec["prompt"])
        return Done("painted", time.time(), "a device")


class Hired(threading.Thread):
    """A worker in a thread of this process."""

    def __init__(self, painter, idle_seconds=PATIENCE):
        super().__init__(daemon=True)
        self.worker = worker.Worker(worker_client.address(), idle_seconds)
        self.worker._import = lambda: self.worker._imported.set()
        self.worker._jobs = painter
        self.worker._leave = lambda: None
        self.start()
        until(worker_client.address().is_socket)

    def run(self):
        self.worker.run()


def starting(painter, first=lambda: None):
    """Stands in for worker_client.start()."""

    def start(idle_seconds):
        first()
        Hired(painter)
        return SimpleNamespace(poll=lambda: None)

    return start


def until(true):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A machine and a workflow's folder for each test."""
    own = Path(device_lock.tempfile.mkdtemp(prefix="w"))  # short: a socket's path has a limit
    own.chmod(0o700)
    monkeypatch.setattr(worker_client, "own_folder", lambda: own)
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(worker_client, "start", lambda idle_seconds: pytest.fail("started one"))
    monkeypatch.chdir(tmp_path)
    return own


@pytest.fixture
def painter():
    return Painter()


def request(prompt="one two three", **changes):
    spec = {"task": "text_to_image", "prompt": prompt, "model": {"id": "org/model"}}
    runtime = {"store": {"folder": "store", "limit_gb": 0}, "worker": {"enabled": True, "idle_seconds": PATIENCE}}
    return paint.located(Request(spec, "results/background.png", runtime | changes))


@pytest.fixture
def log():
    Path("results").mkdir()
    return Told()


def files():
    return sorted(path.name for path in Path("results").iterdir())


def test_a_pass_is_handed_over_with_its_progress(painter, log):
    Hired(painter)
    done = worker_client.hand_over(request(), log, start_one=False)
    assert (done.how, done.device) == ("painted", "a device")
    assert log.steps == [(1, 3), (2, 3), (3, 3)]
    assert files() == ["background.png"]


def test_without_a_worker_nothing_is_started_unless_wanted(log):
    assert worker_client.hand_over(request(), log, start_one=False) is None


def test_a_stale_socket_is_no_worker(log):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(worker_client.address()))
    assert worker_client.hand_over(request(), log, start_one=False) is None


def test_a_stale_socket_is_replaced(painter, log, monkeypatch):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(worker_client.address()))
    monkeypatch.setattr(worker_client, "start", starting(painter))
    assert worker_client.hand_over(request(), log, start_one=True).how == "painted"


def test_switched_off_it_is_not_even_looked_for(painter, log):
    Hired(painter)
    off = request(worker={"enabled": False, "idle_seconds": 1})
    assert worker_client.hand_over(off, log, start_one=True) is None


def test_another_version_makes_room(painter, log, monkeypatch):
    old = Hired(painter)
    old.worker._version = "old"
    monkeypatch.setattr(worker_client, "start", starting(painter, first=old.join))
    assert worker_client.hand_over(request(), log, start_one=False).how == "painted"
    assert "another version" in log.lines[0]


def test_another_version_finishes_its_passes_first(painter, log):
    painter.wait.clear()
    old = Hired(painter)
    results = []
    job = threading.Thread(target=lambda: results.append(worker_client.hand_over(request(), log, start_one=False)))
    job.start()
    until(lambda: log.steps)
    old.worker._version = "old"
    with worker_client.Client(str(worker_client.address()), family="AF_UNIX") as connection:
        worker_client.send(connection, {"do": "paint", "version": "new", "request": {}})
        assert worker_client.receive(connection) == {"accepted": False}
    until(lambda: not worker_client.address().exists())
    assert old.is_alive()
    painter.wait.set()
    job.join(PATIENCE)
    old.join(PATIENCE)
    assert results[0].how == "painted"


def test_what_is_wrong_with_a_pass_is_said_as_in_the_job(painter, log):
    Hired(painter)
    with pytest.raises(StrataError, match=r"results/background\.png is wrong\."):
        worker_client.hand_over(request("all wrong"), log, start_one=False)
    assert files() == []


def test_after_something_unforeseen_the_worker_goes(painter, log):
    hired = Hired(painter)
    with pytest.raises(RuntimeError, match="a bug") as caught:
        worker_client.hand_over(request("a bug"), log, start_one=False)
    assert "ZeroDivisionError" in caught.value.__notes__[0]
    hired.join(PATIENCE)
    assert not worker_client.address().exists()


@pytest.mark.parametrize(
    "changes", [{"layer": "/elsewhere/a.png"}, {"mask": "../mask.png"}, {"plate": ("../../a.png",)}]
)
def test_paths_outside_the_workflow_are_refused(painter, log, changes, tmp_path):
    Hired(painter)
    described = worker_client.asdict(request()) | changes
    for name in ("layer", "mask"):
        if described[name]:
            described[name] = str(tmp_path / described[name])
    described["plate"] = [str(tmp_path / path) for path in described["plate"]]
    with worker_client.Client(str(worker_client.address()), family="AF_UNIX") as connection:
        worker_client.send(connection, {"do": "paint", "version": worker_client.version(os.environ), "request": described})
        assert worker_client.receive(connection) == {"accepted": True}
        assert "outside the workflow's folder" in worker_client.receive(connection)["wrong"]


def test_a_pass_that_nobody_waits_for_stops(painter, log):
    hired = Hired(painter)
    painter.wait.clear()

    def interrupted(done, steps):
        raise KeyboardInterrupt

    log.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        worker_client.hand_over(request(), log, start_one=False)
    painter.wait.set()
    until(lambda: hired.worker._under_way == 0)
    assert isinstance(painter.stopped, worker.AbandonedError)
    assert files() == []
    assert worker_client.hand_over(request(), Told(), start_one=False).how == "painted"


def test_one_that_is_lost_is_started_again(painter, log, monkeypatch):
    """As when it is killed: the connection breaks without an answer."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(worker_client.address()))
        listener.listen()

        def die():
            with worker_client.Connection(listener.accept()[0].detach()) as connection:
                worker_client.receive(connection)
                worker_client.send(connection, {"accepted": True})
            worker_client.address().unlink()

        threading.Thread(target=die).start()
        monkeypatch.setattr(worker_client, "start", starting(painter))
        assert worker_client.hand_over(request(), log, start_one=False).how == "painted"
    assert log.lines == ["the worker ended in the middle of the pass; it is started again"]


@pytest.mark.parametrize("returncode", [0, 1])
def test_where_none_can_be_had_the_job_paints_by_itself(log, monkeypatch, returncode):
    monkeypatch.setattr(worker_client, "start", lambda idle: SimpleNamespace(poll=lambda: returncode, returncode=returncode))

    def perform(request, window, log):
        Path(request.layer).write_text("painted")
        return Done("painted", 0.0, "here")

    monkeypatch.setattr(paint, "_perform_here", perform)
    paint.paint(request(), log)
    assert files() == ["background.png"]
    assert "the job paints by itself" in log.lines[-1]


def test_it_goes_when_it_is_idle(painter):
    hired = Hired(painter, idle_seconds=0.2)
    hired.join(PATIENCE)
    assert not hired.is_alive()
    assert not worker_client.address().exists()


def test_it_goes_when_its_socket_was_replaced(painter):
    hired = Hired(painter)
    worker_client.address().unlink()
    worker_client.address().write_text("another's")
    hired.join(PATIENCE)
    assert not hired.is_alive()
    assert worker_client.address().exists()


def test_it_goes_with_the_allocation_that_it_was_started_in(painter, monkeypatch):
    with subprocess.Popen(["sleep", "100"]) as task:
        monkeypatch.setenv("SLURM_TASK_PID", str(task.pid))
        hired = Hired(painter)
        task.kill()
    hired.join(PATIENCE)
    assert not hired.is_alive()


def test_each_allocation_has_its_own(monkeypatch):
    addresses = {worker_client.address()}
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    addresses.add(worker_client.address())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    addresses.add(worker_client.address())
    assert len(addresses) == 3


def test_the_version_knows_what_decides_a_pass():
    plain = worker_client.version({})
    assert worker_client.version({"OMP_NUM_THREADS": "1", "LANG": "de"}) == plain
    assert worker_client.version({"HF_HOME": "/models"}) != plain


def test_a_folder_that_is_open_to_others_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(device_lock.tempfile, "gettempdir", lambda: str(tmp_path))
    device_lock.own_folder().chmod(0o755)
    with pytest.raises(StrataError, match="closed to others"):
        device_lock.own_folder()


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({}, 1),
        ({"CUDA_VISIBLE_DEVICES": ""}, 1),
        ({"CUDA_VISIBLE_DEVICES": "0,GPU-5f"}, 2),
        ({"ROCR_VISIBLE_DEVICES": "3"}, 1),
    ],
)
def test_so_many_devices_were_handed_out(monkeypatch, variables, count):
    for name in device_lock.VISIBLE:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert device_lock.given() == count


@pytest.mark.parametrize(
    ("device", "enabled", "keep", "up", "starts"),
    [
        ("0,1", True, True, False, 1),
        ("", True, True, False, 0),
        ("0", False, True, False, 0),
        ("0", True, False, False, 0),
        ("0", True, True, True, 0),
    ],
)
def test_a_node_keeps_a_worker_where_it_was_given_devices(monkeypatch, device, enabled, keep, up, starts):
    started = []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", device)
    monkeypatch.setattr(worker_client, "is_up", lambda: up)
    monkeypatch.setattr(worker_client, "start", started.append)
    assert preparation.arrive({"worker": {"enabled": enabled, "idle_seconds": 7}}, keep) == max(1, len(device.split(",")))
    assert started == [7] * starts
