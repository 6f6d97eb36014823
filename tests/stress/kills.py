"""Kills builds at random moments and looks whether anything is lost or stale.

    python tests/stress/kills.py --kills 200 --seed 1

Each round edits the tiny scene, starts a build, kills a part of it (all of its processes, Snakemake, the worker, a job) after a
random time, and runs the same command again. All files under results/ must then have the bytes of a build that nobody disturbed.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from helpers import tiny_models  # noqa: E402
from helpers.working_folder import WorkingFolder  # noqa: E402

EDITS = {
    "background.seed": (77, 78),
    "subjects.astronaut.seed": (42, 43),
    "subjects.rover.mask.feather": (2, 3),
    "effects.fog.prompt": ("fog", "mist"),
    "composite.finish.contrast": (1.15, 1.3),
}
TARGETS = ("results/final.png", "results/final@2x.png", "results/fog.opacity~0.6/final.png", "results/sweeps/looks.png")
VICTIMS = ("group", "snakemake", "worker", "job")
SWEEP = {"looks": {"keys": {"fog.opacity": [0.2, 0.5], "background.seed": [77, 78]}}}


class Reference:
    """The bytes that a build gives which nobody disturbs, once for each state of the config and target."""

    def __init__(self, folder: Path, models: Path):
        self._scene = WorkingFolder(folder, models)
        self._known: dict[str, dict[str, bytes]] = {}

    def build(self, config: dict, target: str) -> dict[str, bytes]:
        """What a target consists of: its own files, which a build from nothing makes, by their names."""
        key = repr((config, target))
        if key not in self._known:
            shutil.rmtree(self._scene.folder / "results", ignore_errors=True)
            self._scene.write(config)
            self._scene.build(target)
            self._known[key] = self._scene.bytes()
        return self._known[key]


def find_victims(process: subprocess.Popen, kind: str) -> list[int]:
    """The processes to kill: `group` is Snakemake and all its jobs."""
    snakemake = psutil.Process(process.pid)
    jobs = snakemake.children(recursive=True)
    match kind:
        case "group":
            return [snakemake.pid, *(job.pid for job in jobs)]
        case "snakemake":
            return [snakemake.pid]
        case "job":
            return [job.pid for job in jobs]
    mark = "strata.painting import worker"
    return [
        one.pid for one in psutil.process_iter(["cmdline"]) if any(mark in part for part in one.info["cmdline"] or ())
    ]


def disturb(scene: WorkingFolder, target: str, chance: random.Random) -> str:
    """Starts a build and kills a part of it; returns what was killed."""
    kind = chance.choice(VICTIMS)
    process = subprocess.Popen(
        scene.command(target),
        cwd=scene.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(chance.uniform(0.5, 5.0))
    try:
        victims = find_victims(process, kind)
    except psutil.NoSuchProcess:
        victims = []
    for pid in victims:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
    return kind if victims else "nothing"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    chance, counts, failures = random.Random(settings.seed), Counter[str](), 0
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    os.environ["TMPDIR"] = str(folder)  # workers of its own
    models = folder / "models"
    tiny_models.text_to_image(models / "text-to-image")
    tiny_models.inpainting(models / "inpainting")
    scene, reference = WorkingFolder(folder / "scene", models), Reference(folder / "reference", models)
    scene.edit("sweeps", SWEEP)
    while counts.total() - counts["nothing"] < settings.kills:
        key = chance.choice(list(EDITS))
        scene.edit(key, chance.choice(EDITS[key]))
        target = chance.choice(TARGETS)
        counts[disturb(scene, target, chance)] += 1
        done = scene.snakemake(target)
        wanted = reference.build(scene.config, target)
        found = scene.bytes()
        wrong = [name for name, content in wanted.items() if found.get(name) != content]
        left = [name for name in found if name.endswith(".part")]
        again = scene.snakemake(target)
        if done.returncode or wrong or left or "Nothing to be done" not in again.stdout:
            failures += 1
            print(f"after {dict(counts)}: {target} ended with {done.returncode}, wrong: {wrong}, left: {left}")
            print(done.stdout[-2000:], again.stdout[-800:], sep="\n")
        print(f"{counts.total()} rounds, {failures} failures", end="\r", flush=True)
    subprocess.run([sys.executable, "-m", "strata", "worker", "stop"], cwd=ROOT / "scripts", stdout=subprocess.DEVNULL)
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{settings.kills} kills ({dict(counts)}): {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
