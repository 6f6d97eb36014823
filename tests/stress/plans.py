"""Edits a scene back and forth at random, and looks whether each plan comes true.

    python tests/stress/plans.py --edits 300 --seed 1
    python tests/stress/plans.py --edits 50 --seed 1 --default     the default scene on the embedded models, for its seconds

After each edit the plan is made, then the build. Told are how many layers the plan was right about (painted, from the store, kept,
drawn, composited, or untouched), and how far its seconds were off.
"""

import argparse
import contextlib
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from helpers import tiny_models  # noqa: E402
from helpers.working_folder import WorkingFolder  # noqa: E402
from strata.painting.worker_client import find_held  # noqa: E402
from strata.scene.layers import Layers  # noqa: E402
from strata.scene.scenes import Scenes  # noqa: E402
from strata.workflow.plan import Plan, Planner  # noqa: E402
from strata.workflow.records import Comparison  # noqa: E402

EDITS = {
    "background.seed": (77, 78, 79),
    "background.steps": (3, 4),
    "subjects.astronaut.seed": (42, 43, 44),
    "subjects.astronaut.strength": (0.95, 0.6),  # two steps of three, or one: 0.8 would paint what 0.95 does
    "subjects.astronaut.mask.feather": (2, 3),
    "subjects.rover.seed": (99, 100),
    "subjects.rover.context": ("canvas", 8),
    "effects.fog.prompt": ("fog", "mist"),
    "effects.fog.seed": (200, 201),
    "composite.finish.contrast": (1.15, 1.3),
}

DEFAULT_EDITS = {
    "background.seed": (77, 78, 79, 80, 81),
    "background.steps": (40, 30, 20),
    "subjects.astronaut.seed": (42, 43, 44, 45, 46),
    "subjects.astronaut.steps": (40, 25),
    "subjects.hovercraft.seed": (99, 100, 101, 102),
    "effects.fog.seed": (200, 201, 202, 203),
    "effects.fog.steps": (30, 20, 40),
    "composite.finish.contrast": (1.15, 1.3),
}

HOW = {"painted": "paint", "store": "store", "kept": "keep", "drawn": "draw", "composited": "composite"}


def make_plan(folder: Path) -> Plan:
    """The plan for the final picture."""
    with contextlib.chdir(folder):
        scene = WorkingFolder(folder, folder)
        return Planner(Layers(Scenes(scene.config)), Comparison(flags=False), find_held()).plan(["final.png"])


def read_journal(folder: Path) -> dict[str, dict]:
    """What the latest build did to each layer."""
    entries = map(json.loads, (folder / ".strata/build.jsonl").read_text().splitlines())
    return {entry["layer"]: entry for entry in entries}


def main() -> int:
    """Edits, plans, builds, compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--default", action="store_true")
    wanted = parser.parse_args()
    chance, right, certain, edits_right = random.Random(wanted.seed), [0, 0], [0, 0], 0
    off_passes, off_wall = [], []
    with tempfile.TemporaryDirectory() as folder:
        models, scene_folder = Path(folder, "models"), Path(folder, "scene")
        if wanted.default:
            scene_folder.mkdir()
            shutil.copyfile(ROOT / "config.yaml", scene_folder / "config.yaml")
        else:
            tiny_models.text_to_image(models / "text-to-image")
            tiny_models.inpainting(models / "inpainting")
        scene = WorkingFolder(scene_folder, models)
        scene.build()
        pool = DEFAULT_EDITS if wanted.default else EDITS
        for number in range(wanted.edits):
            for key in chance.sample(sorted(pool), chance.choice((1, 1, 2))):
                scene.edit(key, chance.choice(pool[key]))
            plan = make_plan(scene.folder)
            began = time.time()
            scene.build()
            wall = time.time() - began
            done = read_journal(scene.folder) if plan.to_do else {}
            good = True
            for step in plan.steps:
                entry = done.get(step.layer)
                happened = HOW[entry["how"]] if entry else "keep"
                fits = happened == step.action
                right[0], right[1], good = right[0] + fits, right[1] + 1, good and fits
                if step.why:
                    certain[0], certain[1] = certain[0] + fits * step.certain, certain[1] + step.certain
                if not fits:
                    print(
                        f"edit {number}: {step.layer} was to be {step.action} ({step.certain}), was {happened}",
                        flush=True,
                    )
                if happened == step.action == "paint" and step.seconds:
                    took = entry["ended"] - entry["started"]
                    off_passes.append(abs(step.seconds - took) / took)
            edits_right += good
            if plan.passes:
                off_wall.append(abs(plan.wall_seconds - wall) / wall)
    print(f"{edits_right} of {wanted.edits} plans were right in every layer")
    print(f"{right[0]} of {right[1]} layers, {certain[0]} of {certain[1]} of those with something to do and certain")
    if off_passes:
        print(f"seconds of a pass: off by {median(off_passes):.1%} (median of {len(off_passes)})")
    if off_wall:
        print(f"seconds of a build: off by {median(off_wall):.1%} (median of {len(off_wall)})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
