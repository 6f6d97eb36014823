"""Scripts that start at once: children of a process that has imported already what they will import.

A Python process that only imports what a job needs is at work for a tenth of a second or two. Many builds in a row, as a
watch runs them, pay it once.
"""

import contextlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

REQUEST_BYTES = 65536


class Forks:
    """A process that is forked from this one, and forks itself for each script.

    Make it before this process starts a thread: a thread that holds a lock is not there in the fork, the lock is. It ends
    with this process, however that ends.

    Args:
        prepare: called once in the new process; imports what scripts need.
    """

    def __init__(self, prepare: Callable[[], None]):
        self._control, theirs = socket.socketpair()
        self._one_request = threading.Lock()
        _flush()
        if os.fork() == 0:
            self._control.close()
            _leave_with(lambda: _serve(theirs, prepare))
        theirs.close()

    def start(self, script: str) -> "Running":
        """Starts a Python script in this process' working directory, with its terminal. OSError: the server is gone."""
        answers, theirs = os.pipe()
        request = json.dumps({"script": script, "folder": str(Path.cwd())}).encode()
        try:
            with self._one_request:
                # The next request is sent when this one was taken: a stream has no seams.
                try:
                    socket.send_fds(self._control, [request], [theirs])
                finally:
                    os.close(theirs)
                return Running(answers)
        except OSError:
            os.close(answers)
            raise


class Running:
    """A script at work.

    Args:
        answers: a descriptor to read from: the number of the script's process, and its exit code at its end.
    """

    def __init__(self, answers: int):
        self._answers = os.fdopen(answers)
        number = self._answers.readline()
        if not number:
            raise OSError("the process that forks scripts is gone")
        self.number = int(number)

    def wait(self) -> int:
        """The exit code, once the script has ended; that of SIGKILL if it ended without one."""
        with self._answers:
            return int(self._answers.readline() or 128 + signal.SIGKILL)


def _serve(control: socket.socket, prepare: Callable[[], None]) -> None:
    """Takes requests until the other end is gone. Returns in a child, when its script has ended, too."""
    # Ctrl-C is meant for the scripts: it reaches them, as it reaches all of the terminal's group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children: they tell themselves how they ended
    prepare()
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 1)
        if not request:
            return
        (answers,) = descriptors
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.write(answers, f"{os.getpid()}\n".encode())
            code = _exit_code(_script, **json.loads(request))
            os.write(answers, f"{code}\n".encode())
            return
        os.close(answers)


def _script(script: str, folder: str) -> None:
    os.chdir(folder)
    sys.argv = [script]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")


def _exit_code(work: Callable, **arguments: str) -> int:
    """Does the work as the interpreter would do it: what is wrong is told on stderr, and the code says so."""
    try:
        work(**arguments)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:  # like the interpreter, which tells of any
        traceback.print_exc()
        return 1
    return 0


def _leave_with(work: Callable[[], None]) -> None:
    """Does the last work of a forked process: it never returns into what its parent was doing."""
    try:
        work()
    finally:
        with contextlib.suppress(OSError):
            _flush()
        os._exit(0)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
