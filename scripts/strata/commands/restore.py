"""The way back from a picture to the scene that built it.

    strata restore picture.png                              prints the config
    strata restore picture.png --write scenes/again.yaml    writes what differs from config.yaml
    strata restore picture.png --write other/config.yaml    writes all of it

The picture may be a final.png, an enlarged one, a .psd, an .ora or a view.html. Of pictures by the web UIs of Stable Diffusion
and by ComfyUI it reads the canvas and the background, and says what it could not read.
"""

import argparse
import sys
from pathlib import Path

import yaml

from strata.errors import StrataError
from strata.exports import reading, restoring
from strata.files import exists
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.yaml_files import read_yaml, write_yaml


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", type=Path, help="the file of a finished picture")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="scenes/<name>.yaml, or a config.yaml in another folder"
    )


def run(arguments: argparse.Namespace) -> None:
    found = reading.read(arguments.picture)
    config = read_yaml(Path("config.yaml")) if Path("config.yaml").is_file() else None
    described = {key: value for key, value in (config or {}).items() if key not in ("runtime", "sweeps")}
    base = Scenes(config).find("").effective() if config else found.scene
    scene = restoring.adapt(found, base)
    for remark in remarks(found, scene, str(arguments.picture)):
        print(reading.printable(remark), file=sys.stderr)
    if arguments.write is None:
        print(yaml.safe_dump(scene, sort_keys=False, allow_unicode=True, width=120), end="")
        return
    _check_target(arguments.write)
    if arguments.write.name == "config.yaml":
        write_yaml(arguments.write, scene, f"The scene of {arguments.picture.name}, with nothing left to defaults.")
        print(f"{arguments.write}: the whole scene. Build it there: snakemake --cores 1 results/final.png")
        return
    if config is None:
        raise StrataError(f"{arguments.write} would be laid over config.yaml, which is not here. Run this beside one.")
    change = restoring.find_change(described, scene, str(arguments.picture))
    write_yaml(arguments.write, change, f"The scene of {arguments.picture.name}: what differs from config.yaml.")
    print(
        f"{arguments.write}: {_count(change)}. Build it: snakemake --cores 1 results/{arguments.write.stem}/final.png"
    )


def remarks(found: reading.Found, scene: dict[str, object], source: str) -> list[str]:
    """What a person should know before building a restored scene, in sentences."""
    said = [f"Not read: {part}" for part in found.unread]
    if found.foreign:
        return [*said, "The models are those of the config: other programs name files, not folders or ids."]
    try:
        return list(dict.fromkeys([*said, *restoring.find_changes_since(found, Scene(scene, source))]))
    except StrataError as error:
        return [*said, f"It cannot be built here yet. {error}"]


def _check_target(path: Path) -> None:
    if exists(path):
        raise StrataError(f"{path} is there already. Give another name, or remove it first.")
    if path.name != "config.yaml" and (path.suffix != ".yaml" or path.parent.as_posix() != "scenes"):
        raise StrataError(
            f"{path} is no file of a scene. Write to scenes/<name>.yaml, or to config.yaml in another folder."
        )


def _count(change: dict[str, object]) -> str:
    return f"differs from config.yaml in {', '.join(change)}" if change else "the scene of config.yaml as it is"
