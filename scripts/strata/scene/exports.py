"""What the rules of exports must know, as one typed mapping of plain values. Imports no Pillow: the Snakefile's reading needs it."""

import hashlib
from collections.abc import Sequence
from typing import Literal, NotRequired, TypedDict

from strata.code_digests import digest_code
from strata.fingerprints import LENGTH
from strata.installation import LIBRARY
from strata.passes import DepthPicture, Finish, StackEntry
from strata.scene.scene import Scene
from strata.scene.sweeps import Sweep
from strata.scene.variations import SIGN

Kind = Literal["background", "subject", "effect"]

PAGE = LIBRARY / "exports/page"
"""The files that the pages are made of: HTML, CSS and JavaScript."""


class ExportSpec(TypedDict):
    """A stack to export. Lengths are rendered pixels; `kinds` has one entry for each of `stack`. `depth` is what layers follow."""

    stack: list[StackEntry]
    depth: DepthPicture | None
    kinds: list[Kind]
    finish: Finish
    width: int
    height: int
    code: str
    page: NotRequired[str]
    title: NotRequired[str]
    compared: NotRequired[list[str]]


class SweepPageSpec(TypedDict):
    """The page of a sweep: the values of each cell, and the folder of each under results/, with its slash."""

    cells: list[dict[str, object]]
    folders: list[str]
    columns: int
    code: str
    page: str


def describe(
    scene: Scene, export: Literal["psd", "openraster", "view"], folder: str, compared: Sequence[str]
) -> ExportSpec:
    """What an export of a scene is made from.

    Args:
        folder: the scene's, under results/.
        compared: those of the scenes whose pictures its page can put beside its own.
    """
    composite = scene.composite()
    spec: ExportSpec = {
        "stack": scene.rendered_stack(),
        "depth": scene.stack_depth(),
        "kinds": [_find_kind(scene, entry["layer"]) for entry in scene.stack],
        "finish": composite["finish"],
        "width": composite["width"],
        "height": composite["height"],
        "code": digest_code(export),
    }
    if export != "view":
        return spec
    return {
        **spec,
        "page": digest_page(),
        "title": name_scene(folder),
        "compared": [name_scene(each) for each in compared],
    }


def name_scene(folder: str) -> str:
    """The name of a scene or a variation for people, by its folder under results/."""
    parts = folder.split("/")[:-1]
    named = "Scene" if not parts or SIGN in parts[0] else f"Scene {parts.pop(0)}"
    return " with ".join([named, *parts])


def describe_sweep(sweep: Sweep) -> SweepPageSpec:
    """What the page of a sweep is made from."""
    return {
        "cells": sweep.cells(),
        "folders": sweep.folders(),
        "columns": sweep.columns,
        "code": digest_code("sweep_view"),
        "page": digest_page(),
    }


def digest_page() -> str:
    """The digest of the files that the pages are made of, which are no Python."""
    digest = hashlib.sha256()
    for path in sorted(PAGE.iterdir()):
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:LENGTH]


def _find_kind(scene: Scene, name: str) -> Kind:
    if name in scene.subjects:
        return "subject"
    return "effect" if name in scene.effects else "background"
