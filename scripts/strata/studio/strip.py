"""The strip of finished pictures: of each its scene and a small picture. The layers themselves come back from the store."""

import io
import json
import re
import time
from pathlib import Path
from typing import Any, TypedDict

from PIL import Image

from strata.errors import StrataError
from strata.exports import reading
from strata.files import replacing
from strata.scene import paths
from strata.state import STUDIO
from strata.studio.project import digest

FOLDER = STUDIO / "strip"

LONGEST = 1024
"""Pixels of the longer side of a picture that is kept: enough to compare two."""

QUALITY = 85

MOST = 60
"""Pictures that are kept; beyond them the oldest go."""

NAME = re.compile(r"[0-9]{13}-[0-9a-f]{16}")


class Kept(TypedDict):
    """A finished picture of the strip.

    Attributes:
        id: its name, which begins with the milliseconds since the epoch.
        scene: the name of its scene; empty for that of config.yaml.
        picture: the digest of its file.
    """

    id: str
    scene: str
    picture: str
    size: list[int]


def keep(name: str) -> bool:
    """Keeps the final picture of a scene as it is now. False if it is the one that was kept last, or is not there."""
    path = Path(paths.RESULTS, paths.final(f"{name}/" if name else ""))
    try:
        content = path.read_bytes()
    except OSError:
        return False
    picture = digest(content)
    of_scene = [kept for kept in read() if kept["scene"] == name]
    if of_scene and of_scene[-1]["picture"] == picture:
        return False
    try:
        found = reading.read(path)
        with Image.open(io.BytesIO(content)) as image:
            size = [image.width, image.height]
            small = image.convert("RGB")
    except (StrataError, OSError, SyntaxError, ValueError):
        return False  # retouched by a program that drops what it does not know
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    kept: Kept = {
        "id": f"{time.time_ns() // 1_000_000:013d}-{picture}",
        "scene": name,
        "picture": picture,
        "size": size,
    }
    with replacing(FOLDER / f"{kept['id']}.jpg") as file:
        small.save(file, "JPEG", quality=QUALITY)
    with replacing(FOLDER / f"{kept['id']}.json") as file:
        file.write(json.dumps({**kept, "effective": found.scene}).encode())
    for old in read()[:-MOST]:
        for suffix in (".json", ".jpg"):
            (FOLDER / f"{old['id']}{suffix}").unlink(missing_ok=True)
    return True


def read() -> list[Kept]:
    """All that is kept, the oldest first."""
    return [
        {"id": kept["id"], "scene": kept["scene"], "picture": kept["picture"], "size": kept["size"]}
        for path in sorted(FOLDER.glob("*.json"))
        if (kept := _read(path)) is not None
    ]


def find_scene(name: str) -> dict[str, Any]:
    """The effective scene of a picture that was kept.

    Raises:
        StrataError: there is no such picture.
    """
    kept = _read(_find(name, ".json"))
    if kept is None:
        raise StrataError("That picture of the strip is damaged. Choose another one.")
    scene: dict[str, Any] = kept["effective"]
    return scene


def find_picture(name: str) -> Path:
    """The file of a picture that was kept."""
    return _find(name, ".jpg")


def _find(name: str, suffix: str) -> Path:
    path = FOLDER / f"{name}{suffix}"
    if not NAME.fullmatch(name) or not path.is_file():
        raise StrataError("That picture is no longer in the strip.")
    return path


def _read(path: Path) -> dict[str, Any] | None:
    try:
        kept = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    complete = isinstance(kept, dict) and {"id", "scene", "picture", "size", "effective"} <= kept.keys()
    return kept if complete and kept["id"] == path.stem else None
