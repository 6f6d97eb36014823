"""The worker: one process that paints for all jobs of a user on a machine, and keeps what it loaded for the next.

It listens on a Unix socket in a folder that only its user can open. A connection is a request: one message in JSON, and
messages back until the layer is there. If the connection breaks, nobody wants the layer any more, and the pass stops
after its current step. Whatever decides the pixels is the same code as in a job's own process.
"""

import base64
import os
import select
import socket
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import asdict, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from filelock import FileLock, Timeout

from strata.errors import StrataError
from strata.imaging.windows import Sight
from strata.painting import paint, under_way
from strata.painting.progress import AbandonedError, Reporter
from strata.painting.request import Done, Request
from strata.painting.under_way import Preview
from strata.painting.worker_client import PATIENCE_SECONDS, ask, digest_version, receive, send

if TYPE_CHECKING:
    from strata.diffusion.pipeline_cache import PipelineCache

LOOK_SECONDS = 0.5  # how often a worker looks whether it is still wanted


def serve(address: Path, idle_seconds: float) -> None:
    """Serves a socket until nobody needs it. Returns at once if another process does so already.

    Args:
        idle_seconds: how long it stays without a request; each request may change it.
    """
    lock = FileLock(address.with_suffix(".lock"))
    starter = os.getppid()
    while True:
        try:
            lock.acquire(blocking=False)
            break
        except Timeout:
            # Held, but deaf: a worker of another version, which ends as soon as its passes are done.
            if ask(address, "status") or os.getppid() != starter:
                return
            time.sleep(0.05)
    with suppress(OSError):
        os.ftruncate(1, 0)  # the log of the one before
    Worker(address, idle_seconds).run()


def main() -> None:
    """Serves the socket that the command line names, until it has been idle for the seconds that it names."""
    socket_path, idle_seconds = sys.argv[1:]
    serve(Path(socket_path), float(idle_seconds))


MOST_BYTES_OF_PREVIEW = 32_000
"""A socket with room has that of several of these, whatever its size."""


class Relay:
    """The Reporter of a pass that a worker paints: what is reported here is reported by the job.

    A job that is suspended reads nothing. So that others need not wait for it, steps and previews are left out for which there is
    no room on the way to it.

    Args:
        folder: the job's working directory.
    """

    def __init__(self, connection: Connection, folder: str):
        self._connection, self._folder = connection, folder

    def say(self, text: str) -> None:
        self._send({"say": text})

    def detail(self, text: str) -> None:
        self._send({"detail": text})

    def note(self, text: str) -> None:
        self._send({"note": text})

    def step(self, done: int, steps: int) -> None:
        self._send_if_there_is_room({"step": [done, steps]})

    def is_watched(self) -> bool:
        return under_way.is_watched(self._folder)

    def preview(self, preview: Preview) -> None:
        if len(preview.picture) <= MOST_BYTES_OF_PREVIEW:
            self._send_if_there_is_room({"preview": base64.b64encode(preview.picture).decode(), "box": preview.box})

    def check(self) -> None:
        # The job sends nothing while it waits. All that there can be to read is its end.
        if self._connection.poll():
            raise AbandonedError

    def _send_if_there_is_room(self, message: dict[str, Any]) -> None:
        self.check()
        if select.select([], [self._connection], [], 0)[1]:
            self._send(message)

    def _send(self, message: dict[str, Any]) -> None:
        self.check()
        try:
            send(self._connection, message)
        except OSError:
            raise AbandonedError from None


class Worker:
    """Serves one socket, whose lock its process holds."""

    def __init__(self, address: Path, idle_seconds: float):
        self._address, self._idle_seconds = address, idle_seconds
        self._environment = dict(os.environ)  # as it was given: libraries add to it
        self._version = digest_version(self._environment)
        self._imported = threading.Event()
        self._import_error: BaseException | None = None
        self._execute: paint.Execute | None = None
        self._pipelines: PipelineCache | None = None
        self._retiring = False
        self._connections = self._passes = 0
        self._last = time.monotonic()
        self._counting = threading.Lock()
        self._allocation = _allocation()

    def run(self) -> None:
        self._address.unlink(missing_ok=True)  # left behind by one that was killed
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._address))
            listener.listen(64)
            mine = _identity(self._address)
            # What each request needs, before the threads: two that import the same things get into each other's way.
            from strata.imaging import guide_pictures, windows  # noqa: F401

            threading.Thread(target=self._import, daemon=True).start()
            while self._wanted() and _identity(self._address) == mine:
                if select.select([listener], [], [], LOOK_SECONDS)[0]:
                    connection = Connection(listener.accept()[0].detach())
                    self._count(1)
                    threading.Thread(target=self._serve, args=[connection], daemon=True).start()
            if _identity(self._address) == mine:
                self._address.unlink()
        while self._connections and _lives(self._allocation):
            time.sleep(0.05)
        self._leave()

    def _wanted(self) -> bool:
        idle = not self._connections and time.monotonic() - self._last > self._idle_seconds
        return not idle and not self._retiring and _lives(self._allocation)

    def _import(self) -> None:
        try:
            self._execute, self._pipelines = paint.import_execution()
        except BaseException as error:
            self._import_error = error
        self._imported.set()

    def _serve(self, connection: Connection) -> None:
        try:
            with connection:
                if connection.poll(PATIENCE_SECONDS):
                    self._answer(connection, receive(connection))
        except (EOFError, OSError, AbandonedError):
            pass  # the job is gone, and wants nothing any more
        except Exception:
            traceback.print_exc()
        finally:
            self._count(-1)

    def _answer(self, connection: Connection, message: dict[str, Any]) -> None:
        match message:
            case {"do": "status"}:
                send(connection, self._status())
            case {"do": "stop"}:
                send(connection, self._status())
                self._address.unlink(missing_ok=True)
                self._leave()
            case {"do": "paint", "version": version, "request": described}:
                self._retiring |= version != self._version
                send(connection, {"accepted": not self._retiring})
                if not self._retiring:
                    request = Request.from_mapping(described)
                    self._idle_seconds = request.runtime.worker.idle_seconds
                    self._paint(connection, request)

    def _paint(self, connection: Connection, request: Request) -> None:
        with self._counting:
            self._passes += 1
        try:
            self._paint_for(connection, request)
        finally:
            with self._counting:
                self._passes -= 1

    def _paint_for(self, connection: Connection, request: Request) -> None:
        if (outside := _find_outside(request)) is not None:
            send(connection, {"wrong": outside, "kind": StrataError.__name__})
            return
        try:
            done = paint.obtain(request, Relay(connection, request.folder or ""), self._paint_view)
            send(connection, {"done": asdict(done)})
            connection.poll(PATIENCE_SECONDS)  # until the job took the layer, and hung up
        except StrataError as error:
            send(connection, {"wrong": str(error), "kind": type(error).__name__})
        except (AbandonedError, ConnectionError):
            raise
        except Exception as error:
            # Nobody knows what it left behind in the device or in a pipeline: the next pass gets a new worker.
            self._retiring = True
            send(connection, {"failed": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()})
        finally:
            if request.layer != request.present:
                Path(request.layer).unlink(missing_ok=True)

    def _paint_view(self, request: Request, sight: Sight | None, reporter: Reporter) -> Done:
        asked = time.time()
        while not self._imported.wait(0.1):
            reporter.check()
        importing = time.time() - asked
        if self._import_error:
            raise self._import_error
        if digest_version(self._environment) != self._version:
            # The library was edited since this process began, perhaps while it imported it: the job starts a new one.
            self._retiring = True
            raise AbandonedError
        assert self._execute is not None and self._pipelines is not None
        done = self._execute(request, sight, reporter, self._pipelines)
        return replace(done, starting=round(importing, 3))

    def _status(self) -> dict[str, Any]:
        held = self._pipelines.names() if self._pipelines else []
        return {"pid": os.getpid(), "under_way": self._passes, "held": held, "idle_seconds": self._idle_seconds}

    def _count(self, change: int) -> None:
        with self._counting:
            self._connections += change
            self._last = time.monotonic()

    def _leave(self) -> NoReturn:
        # At once: threads that still paint, and libraries that tidy up, would hold the process for long.
        os._exit(0)


def _allocation() -> int | None:
    """The process with which a job of Slurm's queue ends on this machine; None outside of one."""
    task = os.environ.get("SLURM_TASK_PID", "")
    return int(task) if task.isdigit() and _lives(int(task)) else None


def _lives(process: int | None) -> bool:
    """Whether a process is there; None is always."""
    try:
        if process is not None:
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_ctime_ns


def _find_outside(request: Request) -> str | None:
    """A sentence about a path of a request that leads out of its workflow's folder; None if there is none.

    A link inside of the folder is its owner's own, and may lead anywhere. The store and the model's folder may lie anywhere, too:
    they are the settings of this user, for several workflows.
    """
    if not request.folder or not Path(request.folder).is_absolute():
        return "The request names no folder of a workflow: the worker paints for workflows alone."
    folder = os.path.normpath(request.folder)
    for path in filter(None, (request.layer, request.present, *request.plate, request.mask, *request.guides.values())):
        if not Path(os.path.normpath(Path(folder, path))).is_relative_to(folder):
            return f"{path} lies outside the workflow's folder, {folder}: the worker leaves it alone."
    return None
