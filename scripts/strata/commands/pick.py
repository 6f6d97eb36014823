"""Writes the values of one picture of a sweep into its scene, and leaves comments, layout and the rest as they are.

    strata pick SWEEP CELL     for example `seeds 3`: the third picture of results/sweeps/seeds.png

The scene is config.yaml, or the file in scenes/ that the sweep names.
"""

import argparse
from pathlib import Path

import yaml

from strata.errors import StrataError
from strata.files import replacing
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.scene.variations import find_path
from strata.yaml_edits import set_value
from strata.yaml_files import read_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sweep", help="the name of a sweep in the config")
    parser.add_argument("cell", type=int, help="the number of a picture on its sheet, from 1")


def run(arguments: argparse.Namespace) -> None:
    scenes = Scenes(read_yaml(Path("config.yaml")))
    sweep = scenes.find_sweep(arguments.sweep)
    cells = sweep.cells()
    if not 1 <= arguments.cell <= len(cells):
        raise StrataError(f"The sweep {arguments.sweep} has the cells 1 to {len(cells)}, but no {arguments.cell}.")
    scene = scenes.find(f"{sweep.scene}/" if sweep.scene else "")
    path = Path(f"scenes/{sweep.scene}.yaml" if sweep.scene else "config.yaml")
    text = path.read_text(encoding="utf-8")
    for key, value in cells[arguments.cell - 1].items():
        text = put(text, scene, find_path(scene.effective(), key, f"The sweep {arguments.sweep}"), value)
    with replacing(path) as file:
        file.write(text.encode())
    print(f"{path}: {', '.join(f'{key} is {value}' for key, value in cells[arguments.cell - 1].items())}")


def put(text: str, scene: Scene, path: tuple[str, ...], value: object) -> str:
    """The text of a scene's file with a key set. Where it lists no layers, those in effect are listed first."""
    if path[:2] == ("composite", "layers") and not _lists_layers(text):
        text = set_value(text, path[:2], [dict(entry) for entry in scene.stack])
    return set_value(text, path, value)


def _lists_layers(text: str) -> bool:
    composite = (yaml.safe_load(text) or {}).get("composite") or {}
    return bool(composite.get("layers"))
