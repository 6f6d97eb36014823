"""The worker: a process that keeps models loaded between jobs and builds.

    strata worker status   what is up, and what it holds
    strata worker stop     ends it at once, and frees its memory

Jobs start it by themselves. It ends when it was idle for as long as the config's runtime says, two minutes by default.
"""

import argparse

from strata.painting.device_lock import user_folder
from strata.painting.worker_client import ask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["status", "stop"])


def run(arguments: argparse.Namespace) -> None:
    print("\n".join(ask_all(arguments.action)) or "No worker is up.")


def ask_all(action: str) -> list[str]:
    """Asks all workers of this user on this machine; a line about each."""
    sockets = sorted(user_folder().glob("worker-*.socket"))
    stopped = "stopped, " if action == "stop" else ""
    return [
        f"process {answer['pid']}: {stopped}{answer['under_way']} passes under way, held "
        f"{', '.join(answer['held']) or 'no model'}"
        for socket in sockets
        if (answer := ask(socket, action))
    ]
