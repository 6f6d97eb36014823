"""The worker that keeps models loaded between jobs and builds.

    python scripts/worker.py status   what is up, and what it holds
    python scripts/worker.py stop     ends it at once, and frees its memory

Jobs start it by themselves. It ends when it was idle for as long as the config's runtime says, two minutes by default.
"""

import sys
from pathlib import Path

from strata.devices import own_folder
from strata.errors import StrataError


def main(arguments: list[str]) -> None:
    match arguments:
        case ["serve", address, idle_seconds]:
            from strata.diffusion import worker

            worker.serve(Path(address), float(idle_seconds))
        case ["status" | "stop" as what]:
            print("\n".join(told(what)) or "No worker is up.")
        case _:
            raise StrataError(__doc__.strip())


def told(what: str) -> list[str]:
    """Asks all workers of this user on this machine; a line about each."""
    from strata.workers import ask

    answers = [answer for socket in sorted(own_folder().glob("worker-*.socket")) if (answer := ask(socket, what))]
    return [
        f"process {answer['pid']}: {'stopped, ' if what == 'stop' else ''}{answer['under_way']} passes under way, held "
        f"{', '.join(answer['held']) or 'no model'}"
        for answer in answers
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
