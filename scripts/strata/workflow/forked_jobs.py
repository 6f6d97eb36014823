"""Scripts that start at once: forked from a process that has imported already what they will import.

A Python process that only imports what a job needs is at work for a third of a second. The first script of a build starts the
process that the others are forked from, too; builds in one process, as `strata live` runs them, share it.
"""

import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import connection, forkserver, resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

from strata.installation import LIBRARY

PRELOADED = "strata.workflow.preloaded"

_context = multiprocessing.get_context("forkserver")
_lock = threading.Lock()
"""Held by who reads whether processes have ended: the end of each can be read only once."""


@dataclass(frozen=True)
class ForkedScript:
    """A script at work in a process of its own."""

    _process: BaseProcess

    @property
    def pid(self) -> int:
        assert self._process.pid is not None  # it was started
        return self._process.pid

    def wait(self) -> int:
        """Waits for the script's end.

        Returns:
            its exit code; -N if signal N ended it; 255 if the process that it was forked from was killed.
        """
        connection.wait([self._process.sentinel])
        with _lock:  # whenever multiprocessing starts a process, it looks for the end of all others
            self._process.join()
        assert self._process.exitcode is not None  # it has ended
        return self._process.exitcode


def fork(script: str) -> ForkedScript:
    """Starts a Python script in this process' working directory, with its terminal.

    Raises:
        OSError: the process that scripts are forked from is gone.
    """
    with _lock, _without_main():
        _ensure_server()
        process = _context.Process(target=run_script, args=(script, str(Path.cwd()), dict(os.environ)))
        try:
            process.start()
        except EOFError:
            raise OSError("the process that scripts are forked from has ended") from None
    return ForkedScript(process)


def _ensure_server() -> None:
    """Starts the process that scripts are forked from, unless it runs."""
    _context.set_forkserver_preload([PRELOADED])
    before = os.environ.get("PYTHONPATH")
    # Where the library is not installed, the server finds it by this.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(LIBRARY.parent), before]))
    # Ctrl-C is for the scripts. The server inherits this, and takes it back as soon as it ignores Ctrl-C.
    resource_tracker.ensure_running()  # else started with the server, and lets Ctrl-C through again
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@contextmanager
def _without_main() -> Iterator[None]:
    """Hides the main module, which multiprocessing would import into each process: of `snakemake` that is a second's work."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def run_script(script: str, folder: str, environment: dict[str, str]) -> None:
    """Runs a script as an interpreter of its own would, in the environment of who asked for it."""
    threading.Thread(target=_end_with_the_build, daemon=True).start()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [script]
    sys.path[0] = str(Path(script).parent)
    try:
        runpy.run_path(script, run_name="__main__")
    except KeyboardInterrupt:  # before the script could say so, or after
        raise SystemExit(f"{Path(script).name} was interrupted.") from None


def _end_with_the_build() -> None:
    """Ends this process as soon as the build is gone that it works for: what it makes must not replace what the next build makes."""
    build = multiprocessing.parent_process()
    assert build is not None
    connection.wait([build.sentinel])
    os._exit(1)
