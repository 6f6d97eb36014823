"""Starts Snakemake's command line many times at the price of one import, which is most of the two seconds of a small build.

As a program it imports Snakemake, a library, and what both import later on, and waits for calls. Each is a process of its own,
forked from here, that goes on as `python -m snakemake` does: with its own arguments, folder, environment and output, and with an
end like any other interpreter's.
"""

import gc
import importlib
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path

PRELOADED = (
    "snakemake.cli",
    "snakemake.report.html_reporter",
    "snakemake.assets",
    "snakemake.profiles",
    "snakemake.storage",
    "strata.workflow.build",
    "strata.workflow.plan",
    "multiprocessing.forkserver",
    "nbformat",
    "numpy",
    "yte",
)


class SnakemakeStarter:
    """A process that has imported Snakemake and a library. It ends with the one that started it.

    Args:
        library: the folder that the package `strata` lies in.
    """

    def __init__(self, library: Path) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno()), str(library)],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def run(self, arguments: list[str], folder: Path, environment: dict[str, str], timeout: float) -> tuple[int, str]:
        """Runs Snakemake.

        Returns:
            its exit code, and what it wrote, stderr with stdout.

        Raises:
            TimeoutError: it took longer, and was killed.
        """
        with tempfile.NamedTemporaryFile() as output:
            self._connection.send(
                {"arguments": arguments, "folder": str(folder), "environment": environment, "output": output.name}
            )
            number = self._connection.recv()
            in_time = self._connection.poll(timeout)
            if not in_time:
                with suppress(ProcessLookupError):  # it has just ended
                    os.kill(number, signal.SIGKILL)
            code = self._connection.recv()
            said = output.read().decode("utf-8", "replace")
        if not in_time:
            raise TimeoutError(f"{arguments} took longer than {timeout} s: {said}")
        return code, said


def wait_for_call(connection: Connection) -> dict:
    """Forks a process for each call, in which alone it returns."""
    with connection, suppress(EOFError):
        while True:
            call = connection.recv()
            number = os.fork()
            if not number:
                return call
            connection.send(number)
            connection.send(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]))
    sys.exit()


def become_snakemake(arguments: list[str], folder: str, environment: dict[str, str], output: str) -> None:
    """Goes on as `python -m snakemake` would that somebody has started in a folder."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, mode, descriptor in ((os.devnull, os.O_RDONLY, 0), (output, os.O_WRONLY | os.O_APPEND, 1)):
        opened = os.open(path, mode)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.dup2(1, 2)
    sys.argv, sys.path[0] = ["snakemake", *arguments], folder
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    sys.path[0] = sys.argv[2]
    for module in PRELOADED:
        importlib.import_module(module)
    gc.freeze()  # no process forked from here looks through all of this, and so copies it
    become_snakemake(**wait_for_call(Connection(int(sys.argv[1]))))
