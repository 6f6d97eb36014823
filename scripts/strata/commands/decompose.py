"""A picture taken apart into layers, as a new scene that is edited like any other.

    strata decompose photo.png --layers 4 scenes/street.yaml
    snakemake --cores 1 results/street/final.png

The layers become images/street/layer-1.png and so on, from the bottom to the top. The lowest is the background of the scene, the
others its subjects. No existing file is overwritten.

It takes Qwen-Image-Layered (Apache-2.0, about 58 GB), or what --model names: one of the config's `models`, a folder, or an id on
the hub.
"""

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from strata.errors import StrataError
from strata.files import exists
from strata.models.reference import Known
from strata.passes import PassModel
from strata.scene.description import SCHEMA
from strata.scene.scenes import Scenes, lay_over
from strata.yaml_files import read_yaml, write_yaml

if TYPE_CHECKING:
    from PIL import Image

    from strata.painting.under_way import Preview

MODEL = "Qwen/Qwen-Image-Layered"

LEAST_SIDE, GREATEST_SIDE = 64, 16384  # of a canvas

REPLACED = ("composite", "refine", "depth")
"""What a config says about a picture as a whole, which would be about another one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", type=Path, help="the picture's file")
    parser.add_argument("scene", type=Path, help="the file to write: scenes/<name>.yaml")
    parser.add_argument("--layers", type=_count, default=4, metavar="N", help="how many layers, 2 to 16 (default: 4)")
    parser.add_argument(
        "--model", default=None, help=f"a name in the config's models, a folder, or an id (default: {MODEL})"
    )
    parser.add_argument("--resolution", type=int, choices=(640, 1024), default=640, help="of the layers (default: 640)")
    parser.add_argument("--prompt", default=None, help="what the picture shows; else the model describes it")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--steps", type=_steps, default=50, help="of the sampler (default: 50)")
    parser.add_argument("--guidance", type=float, default=4.0, metavar="SCALE", help="(default: 4)")


def run(arguments: argparse.Namespace) -> None:
    if not Path("config.yaml").is_file():
        raise StrataError(f"{arguments.scene} would be laid over config.yaml, which is not here. Run this beside one.")
    config = read_yaml(Path("config.yaml"))
    scenes = Scenes(config)
    folder = _check_target(arguments.scene)
    picture = _read(arguments.picture)
    model = _find_model(arguments.model, scenes)

    from strata.diffusion import patches  # here: imports that take seconds, after all that can be wrong before

    patches.prepare()
    from strata.diffusion.layered import Decomposition
    from strata.imaging import png
    from strata.painting.decompose import decompose, drop_invisible

    how = Decomposition(
        arguments.layers, arguments.resolution, arguments.seed, arguments.steps, arguments.guidance, arguments.prompt
    )
    layers = decompose(picture, model, how, scenes.runtime, Progress())
    shown = drop_invisible(layers)
    if len(shown) < len(layers):
        print(f"{len(layers) - len(shown)} of {len(layers)} layers show nothing, and are left out.", file=sys.stderr)
    files = [folder / f"layer-{number}.png" for number in range(1, len(shown) + 1)]
    for file, layer in zip(files, shown, strict=True):
        png.write(file, layer)
    base = {key: value for key, value in config.items() if key not in ("runtime", "sweeps")}
    change = describe(base, files, picture.size)
    Scenes(config, unsaved={}).find("")  # the config is sound; what is laid over it is checked as a scene is
    SCHEMA.complete(lay_over(base, change, arguments.scene.as_posix()), arguments.scene.as_posix())
    write_yaml(arguments.scene, change, f"The layers of {arguments.picture.name}, over config.yaml.")
    print(
        f"{arguments.scene}: {len(shown)} layers in {folder}/. Build it: snakemake --cores 1 "
        f"results/{arguments.scene.stem}/final.png"
    )


def describe(config: Mapping[str, Any], files: Sequence[Path], size: tuple[int, int]) -> dict[str, Any]:
    """A scene of layers, bottom to top, as what is laid over a config.

    Args:
        config: what it is laid over.
        size: (width, height) of the picture, which becomes the canvas.
    """
    width, height = size
    background, *subjects = (file.as_posix() for file in files)
    placed = {"bbox": [0, 0, width, height], "fit": "stretch"}
    change: dict[str, Any] = {
        "canvas": {"width": width, "height": height, "scale": 1.0},
        "background": {"image": background, "fit": "stretch"},
        "subjects": dict.fromkeys(config.get("subjects") or {}),
        "effects": dict.fromkeys(config.get("effects") or {}),
    }
    change["background"] |= {key: None for key in ("prompt", "strength") if key in (config.get("background") or {})}
    for number, image in enumerate(subjects, 2):
        change["subjects"][f"layer-{number}"] = {"image": image, **placed}
    change |= {key: None for key in REPLACED if key in config}
    return {key: value for key, value in change.items() if value != {}}


class Progress:
    """Tells on the terminal how far it is; elsewhere a line for the beginning and the end."""

    def say(self, text: str) -> None:
        print(text, file=sys.stderr)

    detail = note = say

    def step(self, done: int, steps: int) -> None:
        if sys.stderr.isatty():
            print(f"\rstep {done} of {steps}", end="\n" if done == steps else "", file=sys.stderr, flush=True)

    def is_watched(self) -> bool:
        return False

    def preview(self, preview: "Preview") -> None:
        """It shows pictures to nobody."""

    def check(self) -> None:
        """Nobody ends it but Ctrl-C."""


def _check_target(scene: Path) -> Path:
    """The folder of the layers of a scene that is to be written."""
    if (
        scene.suffix != ".yaml"
        or scene.parent.as_posix() != "scenes"
        or not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", scene.stem)
    ):
        raise StrataError(
            f"{scene} is no file of a scene. Write to scenes/<name>.yaml, with a name of small letters, digits, - and _."
        )
    folder = Path("images") / scene.stem
    for path in (scene, folder):
        if exists(path):
            raise StrataError(f"{path} is there already. Give the scene another name, or remove it first.")
    return folder


def _read(path: Path) -> "Image.Image":
    from strata.imaging import pictures

    picture = pictures.read_colors(path, "The picture", "name another one")
    if min(picture.size) < LEAST_SIDE or max(picture.size) > GREATEST_SIDE:
        raise StrataError(
            f"{path} has {picture.width} x {picture.height} pixels, and a canvas has {LEAST_SIDE} to {GREATEST_SIDE} along each side. "
            "Scale it."
        )
    return picture


def _find_model(named: str | None, scenes: Scenes) -> PassModel:
    models = scenes.find("").description["models"]
    known = Known()
    if named in models:
        model = models[named]
        return known.resolve(
            model["id"], model["revision"], model["variant"], model["dtype"], f"config.yaml: models.{named}"
        )
    return known.resolve(named or MODEL, None, None, "auto", "--model")


def _count(text: str) -> int:
    return _whole(text, 2, 16)


def _steps(text: str) -> int:
    return _whole(text, 1, 1000)


def _whole(text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text} is not a number from {least} to {most}")
    return int(text)
