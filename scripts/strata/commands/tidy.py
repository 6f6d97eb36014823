"""Lists the files under results/ that no scene names any more, or removes them.

    strata tidy          lists them
    strata tidy --yes    removes them

Such files are left when a subject, an effect, a scene or a sweep was renamed or removed. Only files that a rule could have
made are looked at. Passes that lie in the store stay there: a removed layer that is needed again is not painted again.
"""

import argparse
from pathlib import Path

from strata.scene.layers import Layers
from strata.scene.paths import RESULTS
from strata.scene.scenes import Scenes
from strata.yaml_files import read_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="remove the files")


def run(arguments: argparse.Namespace) -> None:
    leftovers = list(Layers(Scenes(read_yaml(Path("config.yaml")))).find_leftovers(Path(RESULTS)))
    for path in leftovers:
        print(f"removed {path}" if arguments.yes else path)
        if arguments.yes:
            path.unlink()
            _remove_empty_folders(path.parent)
    if not leftovers:
        print("Every file under results/ belongs to a scene.")
    elif not arguments.yes:
        files, them = ("1 file", "it") if len(leftovers) == 1 else (f"{len(leftovers)} files", "them")
        print(f"{files} that no scene names any more. `strata tidy --yes` removes {them}.")


def _remove_empty_folders(folder: Path) -> None:
    while folder != Path(RESULTS) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
