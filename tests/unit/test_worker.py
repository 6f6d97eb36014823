"""The worker's manners, with a painter that needs no model: who is served, who is refused, and when it goes."""

import os
import socket
import struct
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers.recorder import Recorder
from helpers.settings import make_runtime
from strata.errors import OutOfMemoryError, PassingError, StrataError
from strata.painting import paint, worker, worker_client
from strata.painting.request import Done, Request
from strata.painting.under_way import Preview

PATIENCE = 60  # seconds, on a machine that is busy with other things


class Painter:
    """Stands in for painting/execution.py: "paints" the prompt's words, one a step."""

    def __init__(self):
        self.wait = threading.Event()
        self.wait.set()
        self.stopped = None
        self.attempts = []

    def execute(self, request, view, reporter, pipelines):
        self.attempts.append(request.attempt)
        words = request.spec["prompt"].split()
        try:
            for place, word in enumerate(words, 1):
                reporter.step(place, len(words))
                if word == "wrong":
                    raise StrataError(f"{request.layer} is wrong.")
                if word == "large":
                    raise OutOfMemoryError("a device ran out of memory.")
                if word == "connection":
                    raise PassingError("There is no connection.")
                if word == "bug":
                    raise ZeroDivisionError("a bug")
                assert self.wait.wait(PATIENCE)
        except Exception as error:
            self.stopped = error
            raise
        Path(request.layer).write_text(request.spec["prompt"])
        return Done("painted", time.time(), "a device")


class PipelinesStandIn:
    def names(self):
        return ["a model (text_to_image, a device)"]


class Hired(threading.Thread):
    """A worker in a thread of this process."""

    def __init__(self, painter, idle_seconds=PATIENCE):
        super().__init__(daemon=True)
        self.worker = worker.Worker(worker_client.find_socket(), idle_seconds)
        self.worker._import = lambda: self.worker._imported.set()
        self.worker._execute, self.worker._pipelines = painter.execute, PipelinesStandIn()
        self.worker._leave = lambda: None
        self.start()
        until(worker_client.is_up)  # the socket's file is there before anybody listens

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
    own = Path(tempfile.mkdtemp(prefix="w"))  # short: a socket's path has a limit
    own.chmod(0o700)
    monkeypatch.setattr(worker_client, "user_folder", lambda: own)
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(worker_client, "start", lambda idle_seconds: pytest.fail("started one"))
    monkeypatch.chdir(tmp_path)
    return own


@pytest.fixture
def painter():
    return Painter()


def request(prompt="one two three", **changes):
    model = {"id": "org/model", "revision": None, "variant": None, "dtype": "auto", "fingerprint": None}
    spec = {"task": "text_to_image", "prompt": prompt, "model": model, "steps": 1, "guidance_scale": 1.0}
    runtime = make_runtime(**{"worker": {"enabled": True, "idle_seconds": PATIENCE}} | changes)
    return paint.resolve_paths(Request(spec, "results/background.png", runtime))


def send_described(described: dict) -> str:
    """Sends the worker a request as it stands, past the client, and returns what it finds wrong with it."""
    with worker_client.Client(str(worker_client.find_socket()), family="AF_UNIX") as connection:
        version = worker_client.digest_version(os.environ)
        worker_client.send(connection, {"do": "paint", "version": version, "request": described})
        assert worker_client.receive(connection) == {"accepted": True}
        return worker_client.receive(connection)["wrong"]


@pytest.fixture
def reporter():
    Path("results").mkdir()
    return Recorder()


def files():
    return sorted(path.name for path in Path("results").iterdir())


def test_a_pass_is_handed_over_with_its_progress(painter, reporter):
    Hired(painter)
    done = worker_client.hand_over(request(), reporter, start_one=False)
    assert (done.how, done.device) == ("painted", "a device")
    assert reporter.steps == [(1, 3), (2, 3), (3, 3)]
    assert files() == ["background.png"]


def test_without_a_worker_nothing_is_started_unless_wanted(reporter):
    assert worker_client.hand_over(request(), reporter, start_one=False) is None


def test_a_stale_socket_is_no_worker(reporter):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(worker_client.find_socket()))
    assert worker_client.hand_over(request(), reporter, start_one=False) is None


def test_a_stale_socket_is_replaced(painter, reporter, monkeypatch):
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(worker_client.find_socket()))
    monkeypatch.setattr(worker_client, "start", starting(painter))
    assert worker_client.hand_over(request(), reporter, start_one=True).how == "painted"


def test_switched_off_it_is_not_even_looked_for(painter, reporter):
    Hired(painter)
    off = request(worker={"enabled": False, "idle_seconds": 1})
    assert worker_client.hand_over(off, reporter, start_one=True) is None


def test_another_version_makes_room(painter, reporter, monkeypatch):
    old = Hired(painter)
    old.worker._version = "old"
    monkeypatch.setattr(worker_client, "start", starting(painter, first=old.join))
    assert worker_client.hand_over(request(), reporter, start_one=False).how == "painted"
    assert "another version" in reporter.lines[0]


def test_another_version_finishes_its_passes_first(painter, reporter):
    painter.wait.clear()
    old = Hired(painter)
    results = []
    job = threading.Thread(target=lambda: results.append(worker_client.hand_over(request(), reporter, start_one=False)))
    job.start()
    until(lambda: reporter.steps)
    old.worker._version = "old"
    with worker_client.Client(str(worker_client.find_socket()), family="AF_UNIX") as connection:
        worker_client.send(connection, {"do": "paint", "version": "new", "request": {}})
        assert worker_client.receive(connection) == {"accepted": False}
    until(lambda: not worker_client.find_socket().exists())
    assert old.is_alive()
    painter.wait.set()
    job.join(PATIENCE)
    old.join(PATIENCE)
    assert results[0].how == "painted"


def test_what_is_wrong_with_a_pass_is_said_as_in_the_job(painter, reporter):
    Hired(painter)
    with pytest.raises(StrataError, match=r"results/background\.png is wrong\."):
        worker_client.hand_over(request("all wrong"), reporter, start_one=False)
    assert files() == []


def test_a_pass_that_runs_out_of_memory_is_painted_with_less_and_less(painter, reporter):
    Hired(painter)
    large = replace(request("too large"), layer="results/background.png")
    with pytest.raises(StrataError, match="ran out of memory"):
        paint.paint(large, reporter)
    assert painter.attempts == [1, 2, 3, 4]
    assert files() == []


def test_what_is_wrong_with_a_pass_is_said_once_in_a_build_and_costs_no_second_try(painter, reporter):
    Hired(painter)
    wrong = replace(request("all wrong"), layer="results/background.png")
    for _ in range(3):
        with pytest.raises(StrataError, match=r"^results/background\.png is wrong\.$"):
            paint.paint(wrong, reporter)
    assert painter.attempts == [1]


def test_a_network_that_fails_is_waited_for(painter, reporter, monkeypatch):
    monkeypatch.setattr(paint, "WAITS_SECONDS", (0, 0))
    Hired(painter)
    with pytest.raises(StrataError, match="no connection"):
        paint.paint(replace(request("no connection"), layer="results/background.png"), reporter)
    assert len(painter.attempts) == 3
    assert painter.attempts == [1, 1, 1]


def test_after_something_unforeseen_the_worker_goes(painter, reporter):
    hired = Hired(painter)
    with pytest.raises(RuntimeError, match="a bug") as caught:
        worker_client.hand_over(request("a bug"), reporter, start_one=False)
    assert "ZeroDivisionError" in caught.value.__notes__[0]
    hired.join(PATIENCE)
    assert not worker_client.find_socket().exists()


@pytest.mark.parametrize(
    "changes", [{"layer": "/elsewhere/a.png"}, {"mask": "../mask.png"}, {"plate": ("../../a.png",)}]
)
def test_paths_outside_the_workflow_are_refused(painter, reporter, changes, tmp_path):
    Hired(painter)
    described = asdict(request()) | changes
    for name in ("layer", "mask"):
        if described[name]:
            described[name] = str(tmp_path / described[name])
    described["plate"] = [str(tmp_path / path) for path in described["plate"]]
    assert "outside the workflow's folder" in send_described(described)


@pytest.mark.parametrize("folder", [None, "", "relative"])
def test_a_request_without_a_folder_is_refused_and_removes_nothing(painter, reporter, tmp_path, folder):
    Hired(painter)
    victim = tmp_path / "victim.png"
    victim.write_bytes(b"precious")
    described = asdict(request()) | {"layer": str(victim), "folder": folder}
    assert "names no folder" in send_described(described)
    assert victim.read_bytes() == b"precious"


def test_a_layer_outside_the_folder_stays(painter, reporter, tmp_path):
    Hired(painter)
    victim = tmp_path.parent / f"{tmp_path.name}-victim.png"
    victim.write_bytes(b"precious")
    for path in (str(victim), str(tmp_path / ".." / victim.name)):
        described = asdict(request()) | {"layer": path}
        assert "outside the workflow's folder" in send_described(described)
    assert victim.read_bytes() == b"precious"


def test_what_a_worker_left_that_was_killed_with_its_job_is_removed(painter, reporter):
    Hired(painter)
    layer = Path(request().layer)
    layer.parent.mkdir(parents=True, exist_ok=True)
    left = [layer.with_name(f".{layer.name}.4242"), layer.with_name(f"..{layer.name}.4242.part")]
    others = layer.with_name(f".other-{layer.name}.4242")
    for path in (*left, others):
        path.write_bytes(b"half")
    worker_client.hand_over(request(), reporter, start_one=False)
    assert not any(path.exists() for path in left)
    assert others.exists()


def test_a_worker_that_dies_in_the_middle_of_a_message_is_replaced(painter, reporter, monkeypatch):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(worker_client.find_socket()))
        listener.listen()

        def die():
            accepted = listener.accept()[0]
            connection = Connection(os.dup(accepted.fileno()))
            worker_client.receive(connection)
            worker_client.send(connection, {"accepted": True})
            accepted.sendall(struct.pack("!i", 40_000) + b'{"preview": "')
            accepted.close()
            connection.close()
            worker_client.find_socket().unlink()

        threading.Thread(target=die, daemon=True).start()
        monkeypatch.setattr(worker_client, "start", starting(painter))
        assert worker_client.hand_over(request(), reporter, start_one=False).how == "painted"


def test_a_job_that_was_suspended_at_the_end_of_its_pass_asks_again(painter, reporter, monkeypatch):
    """The worker has removed the layer that nobody took."""
    monkeypatch.setattr(worker, "PATIENCE_SECONDS", 0.2)
    Hired(painter)
    receive, suspended = worker_client.receive, []

    def receive_late(connection):
        message = receive(connection)
        if "done" in message and not suspended:
            suspended.append(message)
            time.sleep(1)
        return message

    monkeypatch.setattr(worker_client, "receive", receive_late)
    assert worker_client.hand_over(request(), reporter, start_one=False).how == "painted"
    assert Path(request().layer).exists()
    assert suspended


def test_a_job_that_is_suspended_holds_nobody_up(tmp_path):
    reading, writing = socket.socketpair()
    relay = worker.Relay(Connection(writing.detach()), str(tmp_path))
    done = threading.Event()

    def report():
        for step in range(5000):
            relay.step(step, 5000)
            relay.preview(Preview(b"x" * 30_000, (0, 0, 8, 8)))
            relay.preview(Preview(b"x" * 3_000_000, (0, 0, 8, 8)))
        done.set()

    threading.Thread(target=report, daemon=True).start()
    assert done.wait(PATIENCE)
    with Connection(reading.detach()) as job:
        assert worker_client.receive(job) == {"step": [0, 5000]}
        assert worker_client.receive(job)["box"] == [0, 0, 8, 8]


def test_a_pass_that_nobody_waits_for_stops(painter, reporter):
    hired = Hired(painter)
    painter.wait.clear()

    def interrupted(done, steps):
        raise KeyboardInterrupt

    reporter.step = interrupted
    with pytest.raises(KeyboardInterrupt):
        worker_client.hand_over(request(), reporter, start_one=False)
    painter.wait.set()
    until(lambda: hired.worker._connections == 0)
    assert isinstance(painter.stopped, worker.AbandonedError)
    assert files() == []
    assert worker_client.hand_over(request(), Recorder(), start_one=False).how == "painted"


def test_one_that_is_lost_is_started_again(painter, reporter, monkeypatch):
    """As when it is killed: the connection breaks without an answer."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(worker_client.find_socket()))
        listener.listen()

        def die():
            with worker_client.Connection(listener.accept()[0].detach()) as connection:
                worker_client.receive(connection)
                worker_client.send(connection, {"accepted": True})
            worker_client.find_socket().unlink()

        threading.Thread(target=die).start()
        monkeypatch.setattr(worker_client, "start", starting(painter))
        assert worker_client.hand_over(request(), reporter, start_one=False).how == "painted"
    assert reporter.lines == ["the worker ended in the middle of the pass; it is started again"]


@pytest.mark.parametrize("returncode", [0, 1])
def test_where_none_can_be_had_the_job_paints_by_itself(reporter, monkeypatch, returncode):
    monkeypatch.setattr(
        worker_client, "start", lambda idle: SimpleNamespace(poll=lambda: returncode, returncode=returncode)
    )

    def paint_here(request, view, reporter):
        Path(request.layer).write_text("painted")
        return Done("painted", 0.0, "here")

    monkeypatch.setattr(paint, "_paint_here", paint_here)
    paint.paint(request(), reporter)
    assert files() == ["background.png"]
    assert "the job paints by itself" in reporter.lines[-1]


def test_it_goes_when_it_is_idle(painter):
    hired = Hired(painter, idle_seconds=0.2)
    hired.join(PATIENCE)
    assert not hired.is_alive()
    assert not worker_client.find_socket().exists()


def test_it_goes_when_its_socket_was_replaced(painter):
    hired = Hired(painter)
    worker_client.find_socket().unlink()
    worker_client.find_socket().write_text("another's")
    hired.join(PATIENCE)
    assert not hired.is_alive()
    assert worker_client.find_socket().exists()


def test_it_goes_with_the_allocation_that_it_was_started_in(painter, monkeypatch):
    with subprocess.Popen(["sleep", "100"]) as task:
        monkeypatch.setenv("SLURM_TASK_PID", str(task.pid))
        hired = Hired(painter)
        task.kill()
    hired.join(PATIENCE)
    assert not hired.is_alive()


def test_it_tells_how_it_is_and_ends_when_it_is_told_to(painter):
    hired = Hired(painter)
    status = worker_client.ask(worker_client.find_socket(), "status")
    assert status == {
        "pid": os.getpid(),
        "under_way": 0,
        "held": ["a model (text_to_image, a device)"],
        "idle_seconds": PATIENCE,
    }
    assert worker_client.ask(worker_client.find_socket(), "stop") == status
    hired.join(PATIENCE)
    assert not worker_client.find_socket().exists()
    assert worker_client.ask(worker_client.find_socket(), "status") is None


def test_each_request_says_how_long_it_stays(painter, reporter):
    hired = Hired(painter)
    worker_client.hand_over(request(worker={"enabled": True, "idle_seconds": 77}), reporter, start_one=False)
    assert hired.worker._idle_seconds == 77
