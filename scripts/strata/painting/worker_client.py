"""The way to the worker: where it listens, how it is started, and how a pass is handed over.

Every job that paints comes through here, so it imports next to nothing. The worker itself is in worker.py.
"""

import base64
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from strata.errors import OutOfMemoryError, PassingError, StrataError
from strata.installation import LIBRARY
from strata.painting.device_lock import VISIBLE, user_folder
from strata.painting.progress import Reporter
from strata.painting.request import Done, Request
from strata.painting.under_way import Preview

START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from strata.painting import worker; worker.main()"
"""What a worker's interpreter runs, given the folder of the library: the one that the job uses, installed or not."""

LONGEST_MESSAGE = 1_000_000  # bytes; a request is a few thousand

# How long a worker may take to answer before it is taken for hung. It does at once, but while it imports or swaps.
PATIENCE_SECONDS = 30

STARTS = 3  # tries, should workers end as soon as they begin

# Who can share a worker: processes that may use the same devices. One that belongs to a job of a cluster's queue must not
# serve another job.
DEVICES = (*VISIBLE, "SLURM_JOB_ID")

# Variables that begin so decide what a process computes, or which models it may fetch.
ENVIRONMENT = ("CUBLAS", "CUDA", "HF_", "HUGGING", "LD_", "MKL_", "ONEDNN", "OMP_", "PYTHONPATH", "PYTORCH", "TORCH")

LIBRARIES = ("torch", "diffusers", "transformers", "accelerate", "peft", "safetensors", "numpy", "PIL")


KINDS = {error.__name__: error for error in (OutOfMemoryError, PassingError)}
"""The errors after which a pass is tried again, by the names that a worker gives them."""


class LostError(Exception):
    """There is no worker, or it ended before the pass did: a sentence without its full stop."""


def find_socket() -> Path:
    """The socket of the worker for this user, on this machine, with the devices that this process may use.

    Checkouts with environments of their own have workers of their own, which do not throw each other's models out.
    """
    # The environment, and not the name of the interpreter: python and python3 are one.
    seen = "\0".join([sys.prefix, str(LIBRARY), *(os.environ.get(name, "") for name in DEVICES)])
    return user_folder() / f"worker-{hashlib.sha256(seen.encode()).hexdigest()[:8]}.socket"


def digest_version(environment: Mapping[str, str]) -> str:
    """The digest of all that a worker must have in common with a job, so that its pixels are those of the job.

    The library's source, the interpreter, the installed packages, the processor's cores that may be used, and the
    environment. Nothing is imported for it.
    """
    digest = hashlib.sha256(f"{sys.prefix} {sys.version}".encode())
    for module in sorted(LIBRARY.rglob("*.py")):
        digest.update(module.read_bytes())
    for name in LIBRARIES:
        found = importlib.util.find_spec(name)
        origin = found.origin if found else None
        stat = Path(origin).stat() if origin else None
        digest.update(f"{name} {stat and (origin, stat.st_mtime_ns, stat.st_size)}".encode())
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    decisive = [
        (name, value)
        for name, value in sorted(environment.items())
        # Snakemake sets OMP_NUM_THREADS and the like for each rule; a pass sets its threads itself.
        if name.startswith(ENVIRONMENT) and not name.endswith("_NUM_THREADS")
    ]
    digest.update(repr((cores, decisive)).encode())
    return digest.hexdigest()[:16]


def send(connection: Connection, message: Mapping[str, Any]) -> None:
    connection.send_bytes(json.dumps(message).encode())


def receive(connection: Connection) -> dict[str, Any]:
    """The next message. EOFError or OSError: the other end is gone."""
    message: dict[str, Any] = json.loads(connection.recv_bytes(LONGEST_MESSAGE))
    return message


def hand_over(request: Request, reporter: Reporter, start_one: bool) -> Done | None:
    """Has the worker make a layer.

    Args:
        request: with absolute paths.
        start_one: whether to start a worker if none is there.

    Returns:
        how the layer came about; None if there is no worker, and none was started.

    Raises:
        StrataError: what the worker found wrong with the pass.
        LostError: the layer is still to be made, and not by a worker.
    """
    if not request.runtime.worker.enabled:
        return None
    try:
        return _try(request, reporter, start_one)
    except LostError as lost:
        reporter.say(f"{lost}; it is started again")
        return _try(request, reporter, start_one=True)


def ask(socket: Path, what: str) -> dict[str, Any] | None:
    """Asks the worker at a socket for its `status`, or to `stop` at once; None if there is none."""
    try:
        with Client(str(socket), family="AF_UNIX") as connection:
            send(connection, {"do": what})
            return receive(connection) if connection.poll(PATIENCE_SECONDS) else None
    except (OSError, EOFError):
        return None


def find_held() -> list[str] | None:
    """The models that the worker holds, as it says them; None if there is no worker."""
    status = ask(find_socket(), "status")
    return None if status is None else list(status["held"])


def is_up() -> bool:
    """Whether somebody listens. It may be of another version, which the next request finds out."""
    connection = _reach()
    if connection:
        connection.close()
    return connection is not None


def start(idle_seconds: float) -> subprocess.Popen[bytes]:
    """Starts a worker without waiting for it; if one is up already, the new one ends at once.

    It is no part of the build: a session of its own, and nothing of the build's terminal, pipes or folder.
    """
    with find_socket().with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-c", START, str(LIBRARY.parent), str(find_socket()), str(idle_seconds)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _try(request: Request, reporter: Reporter, start_one: bool) -> Done | None:
    asked = time.time()
    try:
        connection = _connect(request, reporter, start_one)
    except (OSError, EOFError, ValueError) as error:
        raise LostError(f"no worker is available: {error}") from None
    if connection is None:
        return None
    connecting = time.time() - asked
    with connection:
        done = _converse(connection, request, reporter)
    return replace(done, starting=round(done.starting + connecting, 3))


def _connect(request: Request, reporter: Reporter, start_one: bool) -> Connection | None:
    """A connection to a worker that took the request; None if there is none and none is wanted."""
    idle_seconds = request.runtime.worker.idle_seconds
    process, starts = None, 0
    while True:
        if connection := _reach():
            if _accepts(connection, request):
                return connection
            connection.close()
            if process is None:
                reporter.say("the worker is of another version: it makes room for one of this")
            start_one = True
        if not start_one:
            return None
        if process and process.poll():
            raise OSError(f"it ended with {process.returncode}, see {find_socket().with_suffix('.log')}")
        if process is None or process.poll() == 0:
            # One that is not needed, since another was faster, ends with 0.
            starts += 1
            if starts > STARTS:
                raise OSError(f"it ends as soon as it begins, see {find_socket().with_suffix('.log')}")
            process = start(idle_seconds)
        time.sleep(0.02)


def _reach() -> Connection | None:
    try:
        return Client(str(find_socket()), family="AF_UNIX")
    except (FileNotFoundError, ConnectionRefusedError):
        return None  # not started, or killed


def _accepts(connection: Connection, request: Request) -> bool:
    """Hands a request in; False if the worker is of another version, or just about to end."""
    part = _part_of(request)
    _remove_parts(Path(request.layer))
    try:
        send(
            connection,
            {"do": "paint", "version": digest_version(os.environ), "request": asdict(request.writing_to(str(part)))},
        )
        if not connection.poll(PATIENCE_SECONDS):
            raise OSError("it does not answer; `strata worker stop` ends it")
        return bool(receive(connection).get("accepted"))
    except (EOFError, ConnectionError):
        return False


def _part_of(request: Request) -> Path:
    """Where the worker writes the layer: the job itself puts it into its place.

    A worker may notice late that a job was stopped. What it writes then must not replace the layer of a later build.
    """
    layer = Path(request.layer)
    return layer.with_name(f".{layer.name}.{os.getpid()}")


def _remove_parts(layer: Path) -> None:
    """Removes what was written for a layer by a worker that was killed together with its job, as a scheduler does it."""
    for hidden in (f".{layer.name}.*", f"..{layer.name}.*"):
        for left in layer.parent.glob(hidden):
            left.unlink(missing_ok=True)


def _converse(connection: Connection, request: Request, reporter: Reporter) -> Done:
    """Passes on what the worker reports, until the layer is there."""
    part = _part_of(request)
    try:
        while True:
            match _hear(connection):
                case {"say": text}:
                    reporter.say(text)
                case {"detail": text}:
                    reporter.detail(text)
                case {"note": text}:
                    reporter.note(text)
                case {"step": [done, steps]}:
                    reporter.step(done, steps)
                case {"preview": picture, "box": box}:
                    reporter.preview(Preview(base64.b64decode(picture), tuple(box)))
                case {"done": done}:
                    if done["how"] != "kept":
                        try:
                            part.replace(request.layer)
                        except FileNotFoundError:  # this job was suspended, and the worker has cleaned up behind it
                            raise LostError("the worker did not wait for this job") from None
                    return Done(**done)
                case {"wrong": sentence, "kind": kind}:
                    raise KINDS.get(kind, StrataError)(sentence.replace(str(part), request.layer))
                case {"failed": error, "traceback": lines}:
                    failure = RuntimeError(f"in the worker: {error}")
                    failure.add_note(lines)
                    raise failure
    finally:
        for left in part.parent.glob(f".*{part.name}*"):
            left.unlink(missing_ok=True)


def _hear(connection: Connection) -> dict[str, Any]:
    """What the worker says next."""
    try:
        return receive(connection)
    except (EOFError, OSError):  # an OSError if it ended in the middle of a message
        raise LostError("the worker ended in the middle of the pass") from None
