"""The names of a scene's files, relative to the folder of all results. `folder` is the scene's, empty or with its slash."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from strata.scene.scene import Scene

RESULTS = "results"

EXPORTS = {"psd": "final.psd", "openraster": "final.ora", "view": "view.html"}
"""The files of a finished scene for other programs, by the words of the config's `exports`."""

SECTIONS = ("found", "depth", "checks", "masks", "subjects", "effects")
SEEN = ("found", "depth", "checks")
"""Those of SECTIONS that hold what models see in layers."""

SWEEPS = "sweeps"

# A file of a scene: the folder of its scene and variation, and its name in it.
FILE = re.compile(
    r"(?P<folder>(?:[^/]+/){0,2}?)"
    r"(?P<name>background\.png|refined\.png|scene\.yaml|final(?:@[24]x)?\.png|final\.(?:psd|ora)|view\.html|"
    rf"(?:{'|'.join(SECTIONS)})/[^/]+\.png|checks/[^/]+\.json)"
)


def background(folder: str) -> str:
    return f"{folder}background.png"


def found(folder: str, subject: str) -> str:
    """What the mask of a subject says in words, as it was found in a picture."""
    return f"{folder}found/{subject}.png"


def depth(folder: str, layer: str) -> str:
    """The depth of the picture as far as a layer, as a model estimates it."""
    return f"{folder}depth/{layer}.png"


def check(folder: str, subject: str) -> str:
    """Where a subject's mask shows what it is to show. What that says lies beside it, see verdict()."""
    return f"{folder}checks/{subject}.png"


def verdict(folder: str, subject: str) -> str:
    """How surely a subject's mask shows what it is to show."""
    return f"{folder}checks/{subject}.json"


def mask(folder: str, subject: str) -> str:
    return f"{folder}masks/{subject}.png"


def subject(folder: str, name: str) -> str:
    return f"{folder}subjects/{name}.png"


def effect(folder: str, name: str) -> str:
    return f"{folder}effects/{name}.png"


def refined(folder: str) -> str:
    return f"{folder}refined.png"


def final(folder: str) -> str:
    return f"{folder}final.png"


def enlarged(folder: str, factor: int) -> str:
    return f"{folder}final@{factor}x.png"


def effective(folder: str) -> str:
    return f"{folder}scene.yaml"


def export(folder: str, name: str) -> str:
    """The file of an export, a key of EXPORTS."""
    return f"{folder}{EXPORTS[name]}"


def sheet(sweep: str) -> str:
    return f"{SWEEPS}/{sweep}.png"


def sweep_page(sweep: str) -> str:
    return f"{SWEEPS}/{sweep}.html"


def find_leftovers(folder: str, scene: Scene, results: Path) -> Iterator[Path]:
    """The files of masks, subjects and effects in a scene's folder that the scene no longer has."""
    by_words = [name for name in scene.masks if scene.is_by_words(name)]
    sections: dict[str, Collection[str]] = {
        "found": by_words,
        "depth": ["background", *scene.subjects],
        "checks": [name for name, subject in scene.subjects.items() if subject["check"] is not None],
        "masks": scene.masks,
        "subjects": scene.subjects,
        "effects": scene.effects,
    }
    for section, known in sections.items():
        for path in sorted((results / folder / section).glob("*.*")):
            made = path.suffix == ".png" or (section == "checks" and path.suffix == ".json")
            if made and path.stem not in known and not path.name.startswith("."):
                yield path
