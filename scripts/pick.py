"""Writes the values of one picture of a sweep into its scene, and leaves comments and the rest as they are.

    python scripts/pick.py SWEEP CELL     for example `seeds 3`: the third picture of results/sweeps/seeds.png

The scene is config.yaml, or the file in scenes/ that the sweep names.
"""

import sys
from pathlib import Path

from ruamel.yaml import YAML

from strata.configs import read_yaml
from strata.errors import StrataError
from strata.files import replacing
from strata.scenes import Scenes
from strata.variations import full_path


def main(arguments: list[str]) -> None:
    if len(arguments) != 2 or not arguments[1].isdigit():
        raise StrataError(__doc__.strip())
    scenes = Scenes(read_yaml(Path("config.yaml")))
    sweep = scenes.find_sweep(arguments[0])
    cells, number = sweep.cells(), int(arguments[1])
    if not 1 <= number <= len(cells):
        raise StrataError(f"The sweep {arguments[0]} has the cells 1 to {len(cells)}, but no {number}.")
    effective = scenes.find(f"{sweep.scene}/" if sweep.scene else "").effective()
    path = Path(f"scenes/{sweep.scene}.yaml" if sweep.scene else "config.yaml")

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 10**6  # lines stay as they are
    document = yaml.load(path) or {}
    for key, value in cells[number - 1].items():
        put(document, effective, full_path(effective, key, f"The sweep {arguments[0]}"), value)
    with replacing(path) as file:
        yaml.dump(document, file)
    print(f"{path}: {', '.join(f'{key} is {value}' for key, value in cells[number - 1].items())}")


def put(document: dict, effective: dict, path: tuple[str, ...], value: object) -> None:
    """Sets a key of a scene's file. What is not there yet is added; the composite's layers are then those in effect."""
    place = document
    for key in path[:-1]:
        if isinstance(place, list):
            place = next(entry for entry in place if entry["layer"] == key)
        elif key == "layers" and not place.get(key):
            place[key] = [dict(entry) for entry in effective["composite"]["layers"]]
            place = place[key]
        else:
            place = place.setdefault(key, {})
    place[path[-1]] = value


if __name__ == "__main__":
    main(sys.argv[1:])
