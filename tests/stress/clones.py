"""Builds the same scenes in several clones at once, on one shared store, and counts how often each pass was painted.

    python tests/stress/clones.py --clones 10 --scenes 5 --seed 1

Each clone has a store of its own and the shared one behind it, and builds the scenes in an order of its own. All must end with
the same bytes; best is each pass painted once.
"""

import argparse
import json
import random
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from helpers import tiny_models  # noqa: E402
from helpers.working_folder import WorkingFolder, scene  # noqa: E402

PASSES = 4
"""Of each scene: a background, two subjects, fog."""


def make_clone(folder: Path, models: Path, scenes: int) -> WorkingFolder:
    """A working folder with its own store before the shared one, and scenes that have no pass in common."""
    folder.mkdir()
    clone = WorkingFolder(folder, models)
    store = {"folder": "store", "shared": str(folder.parent / "shared")}
    clone.write({"runtime": {"threads": 1, "store": store}} | scene(models))
    for number in range(scenes):
        clone.write(
            {"background": {"seed": number}, "effects": {"fog": {"seed": number}}}, f"scenes/night{number}.yaml"
        )
    return clone


def build(clone: WorkingFolder, scenes: int, order: random.Random) -> None:
    """Builds all scenes, one command each."""
    for number in order.sample(range(scenes), scenes):
        done = clone.snakemake(f"results/night{number}/final.png")
        if done.returncode:
            raise SystemExit(f"A build in {clone.folder} failed:\n{done.stdout}")


def count_painted(clone: WorkingFolder) -> int:
    """The passes that a clone painted itself, over all its builds."""
    lines = (clone.folder / ".strata/history.jsonl").read_text().splitlines()
    return sum(json.loads(line)["how"] == "painted" for line in lines)


def main() -> None:
    """Builds, counts, compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=int, default=10)
    parser.add_argument("--scenes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder, "models")
        tiny_models.text_to_image(models / "text-to-image")
        tiny_models.inpainting(models / "inpainting")
        clones = [make_clone(Path(folder, f"clone{number}"), models, wanted.scenes) for number in range(wanted.clones)]
        with ThreadPoolExecutor(wanted.clones) as pool:
            orders = [random.Random(wanted.seed + number) for number in range(wanted.clones)]
            list(pool.map(build, clones, [wanted.scenes] * wanted.clones, orders))
        painted, distinct = sum(map(count_painted, clones)), wanted.scenes * PASSES
        same = all(clone.bytes() == clones[0].bytes() for clone in clones[1:])
    print(
        f"{wanted.clones} clones, {distinct} passes: {painted} painted, {painted / distinct:.2f} times each; "
        f"{'the same bytes in all' if same else 'BYTES DIFFER'}"
    )
    raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
