"""What groups are worth on a cluster: ten scenes through a Slurm of this machine, cut up in different ways.

    python benchmarks/cluster.py [--scenes 10] [--ways single,each,five] [--into FILE]

The nodes and their GPUs are those of tests/slurm: three GPUs that Slurm counts, and passes on the processor by tiny models with
random weights. What is measured is what surrounds the passes: waiting, starting, loading. The bytes of all ways are compared.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("scripts", "tests", "benchmarks")]

from compare import machine  # noqa: E402

from helpers import tiny_models  # noqa: E402
from helpers.slurm_cluster import Cluster, layers, until  # noqa: E402
from helpers.working_folder import WorkingFolder  # noqa: E402

RULES = {
    "scene": "{scene}scene",
    "mask": "{scene}mask-{subject}",
    "background": "{scene}background",
    "subject": "{scene}subject-{subject}",
    "effect": "{scene}effect-{effect}",
    "composite": "{scene}composite",
}
WAYS = {
    "single": ("each job by itself", ["--groups", *(f"{rule}={group}" for rule, group in RULES.items())]),
    "each": ("a scene in an allocation (the profile as it is)", []),
    "five": ("five scenes in an allocation", ["--group-components", "scene=5"]),
}


def measured(
    cluster: Cluster, folder: Path, scenes: int, models: Path, arguments: list[str]
) -> tuple[WorkingFolder, list]:
    """A build from nothing: its working directory and the cells of its row."""
    working_folder = WorkingFolder(folder, models)
    for number in range(scenes - 1):
        changes = {"background": {"seed": number}, "subjects": {"rover": {"seed": number}}}
        working_folder.write(changes, f"scenes/s{number}.yaml")
    workers, started = cluster.workers(), time.monotonic()
    if cluster.build(working_folder, *arguments, limit=3000).wait() != 0:
        raise SystemExit((working_folder.folder / "said").read_text())
    seconds = time.monotonic() - started
    jobs = cluster.jobs(working_folder)
    held = sum(job.ended - job.started for job in jobs if job.gpus)
    loads = sum(len({_task(name) for name in names} - {None}) for names in layers(working_folder).values())
    until(lambda: not cluster.processes(working_folder))
    return working_folder, [f"{seconds:.0f}", len(jobs), cluster.workers() - workers, loads, f"{held:.0f}"]


def _task(layer: str) -> str | None:
    """The kind of model that paints a layer; None for one that needs none."""
    parts = layer.split("/")
    if parts[-1] == "background" or "effects" in parts:
        return "text_to_image"
    return "inpaint" if "subjects" in parts else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--ways", default=",".join(WAYS), help=f"some of {', '.join(WAYS)}")
    parser.add_argument("--into", type=Path, help="a Markdown file for the table")
    settings = parser.parse_args()
    if why := Cluster.missing():
        raise SystemExit(f"This {why}.")
    lines = [f"{machine()}. {settings.scenes} tiny scenes of four passes each.", ""]
    lines += ["| | seconds | allocations | workers | models loaded | GPU seconds held |", "| --- |" + " --- |" * 5]
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    folder.chmod(0o755)  # or munge refuses to put its socket there
    cluster = Cluster(folder / "cluster")
    try:
        tiny_models.text_to_image(folder / "models/text-to-image")
        tiny_models.inpainting(folder / "models/inpainting")
        seen = set()
        for way in settings.ways.split(","):
            words, arguments = WAYS[way]
            working_folder, cells = measured(cluster, folder / way, settings.scenes, folder / "models", arguments)
            lines.append(f"| {words} | " + " | ".join(map(str, cells)) + " |")
            print(lines[-1], file=sys.stderr, flush=True)
            seen.add(tuple(sorted(working_folder.bytes().items())))
        if len(seen) > 1:
            raise SystemExit("The bytes differ: there is nothing to compare.")
    finally:
        cluster.stop()
        shutil.rmtree(folder)
    print("\n".join(lines))
    if settings.into:
        settings.into.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
