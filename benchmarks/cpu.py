"""How many CPU seconds an edit costs beside its passes: by a call of `snakemake`, and in `strata live`.

    python benchmarks/cpu.py [--rounds 3] [--into benchmarks/cpu.md]

Three edits, after each of which the scene is built with a warm worker: another prompt of the last effect, other seeds of all
passes, and another opacity. Counted is what all processes of the build spend but the worker, which does nothing but passes.
Beside them stand a dry run with nothing to do, and `snakemake --version`, which nothing in a workflow can undercut. Linux alone.
"""

import argparse
import ctypes
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from compare import ROOT, Bench, machine, watch

sys.path.append(str(ROOT / "scripts"))

from strata.scene.scenes import Scenes
from strata.yaml_files import read_yaml

BECOME_PARENT_OF_ORPHANS = 36  # PR_SET_CHILD_SUBREAPER of Linux' prctl()


def edit_seeds(bench: Bench) -> None:
    bench.edits += 1
    for described in (bench.scene["background"], *bench.scene["subjects"].values(), *bench.scene["effects"].values()):
        described["seed"] = 10_000 + bench.edits
    bench.write()


def edit_opacity(bench: Bench) -> None:
    bench.edits += 1
    bench.scene["composite"]["layers"][-1]["opacity"] = round(0.2 + bench.edits / 1000, 3)
    bench.write()


EDITS: dict[str, Callable[[Bench], None]] = {
    "another prompt of the last effect": Bench.edit,
    "other seeds of all passes": edit_seeds,
    "another opacity": edit_opacity,
}


def reap() -> None:
    """Lets go of processes that have ended, so that what they spent is counted."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def spent() -> float:
    """The CPU seconds of all processes that this one started, directly or not, and that have ended."""
    time.sleep(0.5)  # the process that jobs are forked from ends a moment after the build
    reap()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def cost(work: Callable[[], object]) -> float:
    """The CPU seconds of what runs commands."""
    before = spent()
    work()
    return spent() - before


def cost_of_tree(process: psutil.Process) -> float:
    """The CPU seconds of a process and its descendants so far."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(each.user + each.system + each.children_user + each.children_system for each in times)


def measure(bench: Bench) -> dict[str, float]:
    """One round, in CPU seconds."""
    bench.snakemake()
    found = {
        "version": cost(lambda: bench.timed(sys.executable, "-m", "snakemake", "--version")),
        "dry run": cost(lambda: bench.snakemake("--dry-run")),
    }
    for name, edit in EDITS.items():
        edit(bench)
        found[f"{name}, snakemake"] = cost(bench.snakemake)
    with watch(bench) as live:
        process = psutil.Process(live.process.pid)
        for name, edit in EDITS.items():
            edit(bench)  # the first edit of a kind imports what it needs
            live.wait_for_build()
            before = cost_of_tree(process)
            edit(bench)
            live.wait_for_build()
            found[f"{name}, live"] = cost_of_tree(process) - before
    return found


def report(rounds: list[dict[str, float]]) -> str:
    """The medians as Markdown."""
    median = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    lines = [f"{machine()}. Medians of {len(rounds)} rounds.", "", "| edit | by `snakemake` | in `strata live` |"]
    lines += ["| --- | --- | --- |"]
    for name in EDITS:
        lines.append(f"| {name} | {median[f'{name}, snakemake']:.2f} | {median[f'{name}, live']:.2f} |")
    lines.append(f"| nothing: a dry run | {median['dry run']:.2f} | |")
    lines.append(f"| `snakemake --version` | {median['version']:.2f} | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each edit is made")
    parser.add_argument("--into", type=Path, help="a Markdown file for the table")
    settings = parser.parse_args()
    ctypes.CDLL(None).prctl(BECOME_PARENT_OF_ORPHANS, 1, 0, 0, 0)
    scene = Scenes(read_yaml(ROOT / "config.yaml")).find("").effective()
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
        bench = Bench(Path(folder, "cpu"), scene, "bfloat16")
        rounds = []
        for _ in range(settings.rounds):
            rounds.append(measure(bench))
            print(json.dumps({name: round(seconds, 2) for name, seconds in rounds[-1].items()}), file=sys.stderr)
        bench.worker("stop")
    text = report(rounds)
    print(text)
    if settings.into:
        settings.into.write_text(f"# The last run of cpu.py\n\nCPU seconds of an edit beside its passes.\n\n{text}\n")


if __name__ == "__main__":
    main()
