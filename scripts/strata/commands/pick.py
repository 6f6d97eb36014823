"""Writes the values of one picture of a sweep into its scene, and leaves comments, layout and the rest as they are.

    strata pick SWEEP CELL     for example `seeds 3`: the third picture of results/sweeps/seeds.png

The scene is config.yaml, or the file in scenes/ that the sweep names.
"""

import argparse
from pathlib import Path

from strata.errors import StrataError
from strata.files import replacing
from strata.scene.edits import set_key
from strata.scene.scenes import Scenes
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
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()  # with its line ends as they are
    for key, value in cells[arguments.cell - 1].items():
        text = set_key(text, scene, key, value, f"The sweep {arguments.sweep}")
    with replacing(path) as file:
        file.write(text.encode())
    print(f"{path}: {', '.join(f'{key} is {value}' for key, value in cells[arguments.cell - 1].items())}")
