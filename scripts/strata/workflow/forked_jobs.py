"""Scripts that start at once: forked from a process that has imported already what they will import.

A Python process that only imports what a job needs is at work for a tenth of a second or two. Many builds in a row, as
`strata live` runs them, pay it once.
"""

import multiprocessing
import os
import runpy
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

from strata.installation import LIBRARY

PRELOADED = "strata.workflow.preloaded"


def start_server() -> Callable[[str], BaseProcess]:
    """Starts the process that scripts are forked from.

    Returns:
        what starts a Python script in this process' working directory, with its terminal. It raises OSError if the server
        is gone.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    before = os.environ.get("PYTHONPATH")
    # Where the library is not installed, the server finds it by this.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(LIBRARY.parent), before]))
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before

    def start(script: str) -> BaseProcess:
        process = context.Process(target=run_script, args=(script, str(Path.cwd())))
        process.start()
        return process

    return start


def run_script(script: str, folder: str) -> None:
    """Runs a script as an interpreter of its own would."""
    os.chdir(folder)
    sys.argv = [script]
    sys.path[0] = str(Path(script).parent)
    runpy.run_path(script, run_name="__main__")
