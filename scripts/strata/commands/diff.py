"""What differs between two pictures, scenes, variations or commits' configs.

    strata diff results/final.png old.png             two pictures, and the scenes that they carry
    strata diff config.yaml fog.opacity~0.5           a scene and a variation of it
    strata diff night HEAD~3:scenes/night.yaml        a scene now, and three commits ago
    strata diff HEAD~1 config.yaml                    what has changed in the config since the last commit

A side is a picture, a YAML file, the folder of a scene or a variation under results/, or a commit. Layers and pictures are compared
where they are built.
"""

import argparse
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strata.errors import StrataError
from strata.exports import comparing, diff_view, reading
from strata.exports.comparing import Difference, Side
from strata.files import is_file, replacing
from strata.imaging import png
from strata.scene import paths
from strata.scene.layers import Layers
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes, apply_preset
from strata.scene.variations import SIGN
from strata.yaml_files import merge, parse_yaml, read_yaml

NO_SCENE = ("runtime", "sweeps")
"""The keys of a config that are no part of its scene."""

COMMIT = re.compile(r"(?:HEAD|@|[0-9a-f]{7,40})(?:[~^][0-9]*)*(?::.+)?")
"""What can mean nothing but a commit."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write a picture of the difference, a PNG")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page with a slider, an .html")


def run(arguments: argparse.Namespace) -> None:
    _check_ending("--picture", arguments.picture, (".png",))
    _check_ending("--page", arguments.page, (".html", ".htm"))
    a, b = find_side(arguments.a), find_side(arguments.b)
    difference = comparing.compare(a, b)
    print(json.dumps(difference, indent=2) if arguments.json else "\n".join(map(reading.printable, say(difference))))
    pictures = _open_both(a, b) if difference["picture"] else None
    if arguments.picture:
        if pictures is None:
            raise StrataError(
                "There is no picture of the difference: both sides need a picture of one size. Build them."
            )
        png.write(arguments.picture, comparing.draw_difference(*pictures)[0])
    if arguments.page:
        with replacing(arguments.page) as file:
            file.write(diff_view.encode(difference, pictures))


def _check_ending(option: str, path: Path | None, endings: tuple[str, ...]) -> None:
    """Keeps what is written from replacing a file of another kind."""
    if path is not None and path.suffix.lower() not in endings:
        raise StrataError(f"{option} is {path}, but must end in {' or '.join(endings)}. Give the file such a name.")


def find_side(text: str) -> Side:
    """What a person means by one side.

    Raises:
        StrataError: there is nothing of that name.
    """
    path = Path(text)
    if is_file(path):
        return _find_file(path)
    folder = text.removeprefix(f"{paths.RESULTS}/").removesuffix("final.png").strip("/").removeprefix(".")
    is_scene = not folder or is_file(Path("scenes") / f"{folder}.yaml")
    # The sign of a variation stands in HEAD~1, too.
    if not is_scene and (config := _read_commit(text)) is not None:
        return Side(text, config, None, {}, {})
    if not is_scene and COMMIT.fullmatch(text):
        raise StrataError(f"There is no commit {text.partition(':')[0]} here.")
    if (is_scene or SIGN in folder) and is_file("config.yaml"):
        return _find_scene(text, f"{folder}/" if folder else "")
    raise StrataError(
        f"There is no {text}: no picture, no file, no scene in scenes/, no variation, no commit. Variations hold a {SIGN}, such "
        f"as fog.opacity{SIGN}0.5."
    )


def _find_file(path: Path) -> Side:
    if path.suffix in (".yaml", ".yml"):
        if path == Path("config.yaml"):
            return _find_scene(str(path), "")
        if path.parent == Path("scenes"):
            return _find_scene(str(path), f"{path.stem}/")
        return Side(str(path), _effective(read_yaml(path), str(path)), None, {}, {})
    try:
        found = reading.read(path)
    except StrataError:
        comparing.open_picture(path, "RGB")  # it has to be a picture at the least
        return Side(str(path), None, path, {}, {})
    return Side(str(path), Scene(found.scene, str(path)).effective(), path, {}, found.layers)


def _find_scene(name: str, folder: str) -> Side:
    """A scene or a variation by its folder, with what is built of it."""
    scenes = Scenes(read_yaml(Path("config.yaml")))
    scene, results = scenes.find(folder), Path(paths.RESULTS)
    stack = Layers(scenes).composite(folder).sees
    files = {entry["layer"]: results / file for entry, file in zip(scene.stack, stack, strict=True)}
    picture = results / paths.final(folder)
    return Side(
        name,
        scene.effective(),
        picture if picture.is_file() else None,
        {layer: file for layer, file in files.items() if file.is_file()},
        {},
    )


def _read_commit(text: str) -> Mapping[str, Any] | None:
    """The effective scene of a commit's config, or of a file in scenes/ of it; None if there is no such commit."""
    revision, _, path = text.partition(":")
    path = path or "config.yaml"
    if not revision or _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}") is None:
        return None
    described = _read_file_of(revision, path)
    if path.startswith("scenes/"):
        described = merge(_read_file_of(revision, "config.yaml"), described)
    return _effective(described, text)


def _read_file_of(revision: str, path: str) -> dict[str, Any]:
    content = _git("show", "--end-of-options", f"{revision}:./{path}")
    if content is None:
        raise StrataError(f"The commit {revision} has no file {path} here.")
    described = parse_yaml(content, f"{revision}:{path}")
    if not isinstance(described, dict):
        raise StrataError(f"{revision}:{path} must hold keys and values.")
    return described


def _git(*arguments: str) -> str | None:
    """What git prints; None if it fails, or is not there."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, stdin=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    return done.stdout.decode("utf-8", "replace")


def _effective(described: Mapping[str, Any], source: str) -> dict[str, Any]:
    scene = {key: value for key, value in described.items() if key not in NO_SCENE}
    return Scene(apply_preset(scene, source), source).effective()


def _open_both(a: Side, b: Side) -> tuple[Any, Any]:
    assert a.picture is not None and b.picture is not None
    return comparing.open_picture(a.picture, "RGB"), comparing.open_picture(b.picture, "RGB")


def say(difference: Difference) -> list[str]:
    """The lines of a comparison."""
    lines = []
    for key in difference["keys"]:
        lines.append(f"{key['key']}: {_show(key['a'])} -> {_show(key['b'])}")
    lines += [f"layer {layer['layer']}: {layer['how']}" for layer in difference["layers"]]
    if (pixels := difference["picture"]) is not None:
        lines.append(f"picture: {comparing.describe_pixels(pixels)}" if pixels["largest"] else "picture: the same")
    lines += difference["remarks"]
    return lines or ["Nothing differs."]


def _show(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
