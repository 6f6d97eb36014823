"""Builds on disks that are too small, one size after the other, and looks whether anything is lost when there is room again.

    sudo python tests/stress/full_disk.py --sizes 60 --seed 1

Needs root, to mount file systems in memory. Each round builds the tiny scene, or an edit of a finished one, on a disk of a random
size, so that each write is at some time the one that fails. Then the disk is made large enough, and the same command must end in
the bytes of a build that always had room. No round may end in a traceback.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from helpers import tiny_models  # noqa: E402
from helpers.working_folder import WorkingFolder  # noqa: E402

TARGETS = ("results/final.png", "results/final@2x.png", "results/final.psd", "results/fog.opacity~0.6/final.png")
ENOUGH = "64m"


def mount(folder: Path, size: str, again: bool = False) -> None:
    """Mounts a file system in memory, or changes the size of one."""
    options = f"{'remount,' if again else ''}size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def main() -> int:
    """Builds without room, makes room, builds again, compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    chance, failures, full = random.Random(wanted.seed), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        models, disk = Path(temporary, "models"), Path(temporary, "disk")
        tiny_models.text_to_image(models / "text-to-image")
        tiny_models.inpainting(models / "inpainting")
        disk.mkdir()
        expected = {}
        for target in TARGETS:
            reference = WorkingFolder(Path(temporary, "reference"), models)
            reference.build(target)
            expected[target] = reference.bytes()
            shutil.rmtree(reference.folder)
        for number in range(wanted.sizes):
            target = chance.choice(TARGETS)
            mount(disk, f"{chance.randrange(8, 320, 4)}k")
            try:
                scene_folder = disk / "scene"
                scene = WorkingFolder(scene_folder, models)
                said = scene.snakemake(target)
                full += said.returncode != 0
                mount(disk, ENOUGH, again=True)
                if not scene.folder.joinpath("config.yaml").read_text().strip():
                    (scene.folder / "config.yaml").unlink()
                    scene = WorkingFolder(scene_folder, models)
                again = scene.snakemake(target)
                if "Traceback" in said.stdout + again.stdout or again.returncode or scene.bytes() != expected[target]:
                    failures += 1
                    print(f"round {number}, {target}: {said.stdout[-1500:]}\n--- with room:\n{again.stdout[-1500:]}")
            except OSError as error:  # not even the config had room
                print(f"round {number}: {error}")
            finally:
                subprocess.run(["umount", str(disk)], check=True)
            print(f"{number + 1} rounds, {full} without room, {failures} failures", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
