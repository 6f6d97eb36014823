"""Builds one after another in one process: each is one of Snakemake's own, and only the first pays for Snakemake's start.

As a program, for the studio: it reads from stdin what to build, a JSON list of targets a line, and says on the descriptor that it is
given when each build begins and how it ends. It ends with its stdin. SIGINT ends the build that is under way.
"""

import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from snakemake.cli import get_argument_parser
from snakemake.cli import main as snakemake

from strata.installation import WORKFLOW
from strata.painting import under_way
from strata.workflow.build_words import FAILED, READY, STOPPED, WELL

USUAL = ("--cores", "1", "--scheduler", "greedy")
"""One job beside those that wait for a device; and its choice needs no solver, which would be a process for each."""


def complete(arguments: Sequence[str]) -> list[str]:
    """Snakemake's arguments, with what nearly everybody wants."""
    settings = get_argument_parser().parse_args(arguments)
    snakefile = [] if settings.snakefile else ["--snakefile", str(WORKFLOW / "Snakefile")]
    # Those that are given come last, and so win.
    targets = [] if settings.targets else ["results/final.png"]
    return [*USUAL, *snakefile, *arguments, *targets]


def build(arguments: Sequence[str]) -> bool:
    """One build. What is wrong with it is printed.

    Returns:
        whether all went well.

    Raises:
        KeyboardInterrupt: it was interrupted, and has ended.
    """
    interrupts: list[int] = []
    code: str | int | None = 0

    def interrupt(number: int, frame: Any) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, interrupt)  # Snakemake ends the build then, and does not say why
    with contextlib.chdir(Path.cwd()):
        try:
            snakemake(list(arguments))
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):
                print(code, file=sys.stderr)
        finally:
            under_way.end()
            # Snakemake leaves handlers behind that would never let this process end.
            for number, handler in before.items():
                signal.signal(number, handler)
    if interrupts:
        raise KeyboardInterrupt
    return code in (0, None)


def serve(descriptor: int) -> None:
    """Builds what stdin asks for, until it ends."""

    def tell(word: str) -> None:
        os.write(descriptor, f"{word}\n".encode())

    tell(READY)
    while True:
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            continue  # what should have ended had ended already
        if not line:
            return
        try:
            tell(WELL if build([*USUAL, "--snakefile", str(WORKFLOW / "Snakefile"), *json.loads(line)]) else FAILED)
        except KeyboardInterrupt:
            tell(STOPPED)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
