"""Says what a build would do to each layer, why, and how long it will take. Nothing is built.

    strata plan                                         every scene
    strata plan results/night/final.png
    strata plan --edit "background.prompt=a red sea"    as if config.yaml had been edited so
    strata plan --scene night --edit fog.opacity=0.5    as if scenes/night.yaml had

The exit code is 0 if there is nothing to do, and 2 if there is. A question mark behind "paint" means that the layer may as well
come from the store: what the pass sees is not painted yet.
"""

import argparse
import json
from pathlib import Path

from strata.painting.worker_client import find_held
from strata.scene.edits import parse_assignments, set_key
from strata.scene.layers import Layers
from strata.scene.scenes import Scenes
from strata.workflow import plan as plans
from strata.workflow.records import Comparison
from strata.yaml_files import check_yaml, parse_yaml, read_yaml

CONFIG = "config.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("targets", nargs="*", help="files under results/; by default the final picture of every scene")
    parser.add_argument("--edit", action="append", default=[], metavar="KEY=VALUE", help="an edit that is not saved")
    parser.add_argument(
        "--scene", metavar="NAME", help="the scene whose file the edits are for, and the default target"
    )
    parser.add_argument("--json", action="store_true", help="print the plan for a program, with all layers")
    parser.add_argument("--all", action="store_true", help="list the layers that are kept, too")


def run(arguments: argparse.Namespace) -> None:
    scenes = read_scenes(arguments.scene, arguments.edit)
    comparison = Comparison(flags=False)
    planner = plans.Planner(Layers(scenes), comparison, find_held())
    targets = arguments.targets or ([f"results/{arguments.scene}/final.png"] if arguments.scene else [])
    plan = planner.plan(plans.find_targets(scenes, targets))
    comparison.save()
    print(json.dumps(plans.describe(plan), indent=2) if arguments.json else "\n".join(plans.lines(plan, arguments.all)))
    raise SystemExit(2 if plan.to_do else 0)


def read_scenes(name: str | None, edits: list[str]) -> Scenes:
    """All scenes, with some edits of one file that are not saved.

    Args:
        name: of the scene in scenes/ that the edits are for; None for config.yaml.
        edits: keys and values, as parse_assignments() reads them.
    """
    config = read_yaml(Path(check_yaml(CONFIG)))
    saved = Scenes(config)
    if not edits:
        return saved
    path = Path(f"scenes/{name}.yaml" if name else CONFIG)
    scene = saved.find(f"{name}/" if name else "")
    text = path.read_text(encoding="utf-8")
    for key, value in parse_assignments(edits):
        text = set_key(text, scene, key, value, "--edit")
    edited = parse_yaml(text, str(path))
    return Scenes(config, unsaved={name: edited}) if name else Scenes(edited)
