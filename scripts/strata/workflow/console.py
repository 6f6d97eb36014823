"""What Snakemake's own log says on the terminal: of a build, what went wrong; of a dry run, the plan.

The passes' lines come from the jobs, the closing line from the build. Snakemake's log file keeps everything.
"""

import logging
import re
from collections.abc import Callable, Iterable

Describe = Callable[[], Iterable[str]]
"""Returns the lines of the plan of a dry run."""

TERMINAL = "DefaultStreamHandler"
"""Snakemake's name for its handler that writes to the terminal."""

CHATTER = (
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Complete log",
    "Conda environments: ignored",
    "Elapsed time",
    "Execute ",
    "Job stats:",
    "Provided cores",
    "Provided resources",
    "Reasons:",
    "Rules claiming more threads",
    "Select jobs to execute",
    "Singularity containers: ignored",
    "Touching output file",
    "Using shell",
)
"""How those remarks begin that accompany a build."""

EVENTS = (
    "group_info",
    "job_finished",
    "job_info",
    "job_started",
    "progress",
    "resources_info",
    "run_info",
    "shellcmd",
    "workflow_started",
)
"""What Snakemake reports of a build as it goes."""

NOISE = (
    "Cannot restore ",
    "Restored previous version",
    "Removing output files of failed job",
    "Shutting down, this might take some time",
    "WorkflowError:\nAt least one job did not complete successfully.",
)
"""How those warnings begin that say nothing: a layer is replaced in one step, so that there is nothing to restore."""

SAID = re.compile(r"returned non-zero exit status 1\.(\s+File .*)*\s*$")
"""How the report of a failed job ends that has said itself, in a sentence, what is wrong: perhaps with the place in our own code."""


class Console(logging.Filter):
    """Lets through what is worth saying, and ends a dry run with its plan.

    Args:
        is_dry_run: tells whether nothing will be built. That is not known yet when the Snakefile is read.
        describe: gives the plan's lines.
    """

    def __init__(self, is_dry_run: Callable[[], bool], describe: Describe):
        super().__init__()
        self._is_dry_run, self._describe = is_dry_run, describe

    def filter(self, record: logging.LogRecord) -> bool:
        event = getattr(record, "event", None)
        message = str(record.msg or "")
        if self._is_dry_run() and message.startswith("This was a dry-run"):
            record.msg = "\n".join(self._describe())
            return True
        if record.levelno >= logging.WARNING:
            return not message.startswith(NOISE) and not SAID.search(message) and event != "job_error"
        return event not in EVENTS and not message.startswith(CHATTER)


def watch(is_dry_run: Callable[[], bool], describe: Describe) -> None:
    """Puts a Console before Snakemake's terminal."""
    from snakemake.logging import logger

    for handler in logger.handlers:
        if handler.name == TERMINAL:
            handler.addFilter(Console(is_dry_run, describe))
