"""Sweeps in the page: what each shows, more seeds of a layer as a sweep, and a cell's values as edits."""

from pathlib import Path
from typing import Any, TypedDict

from strata.errors import StrataError
from strata.scene import paths
from strata.scene.edits import Edit, SetValue
from strata.scene.layers import Layers
from strata.scene.scenes import Scenes
from strata.scene.variations import find_path
from strata.studio.project import Project

SEEDS = 4
"""How many more seeds are tried at a time."""

HIGHEST = 2**64 - 1


class CellView(TypedDict):
    """A picture of a sweep: its file, the digest of a file that is there, and its values."""

    file: str
    version: str | None
    values: dict[str, Any]


class SweepView(TypedDict):
    """A sweep, and the scene that it varies."""

    name: str
    scene: str
    columns: int
    cells: list[CellView]


def describe(project: Project) -> list[SweepView]:
    """All sweeps of config.yaml.

    Raises:
        StrataError: one is wrong.
    """
    scenes = _read(project)
    return [_describe(scenes, name) for name in scenes.sweeps]


def _describe(scenes: Scenes, name: str) -> SweepView:
    sweep = scenes.find_sweep(name)
    pictures = [f"{paths.RESULTS}/{paths.final(folder)}" for folder in sweep.folders()]
    return {
        "name": name,
        "scene": sweep.scene or "",
        "columns": sweep.columns,
        "cells": [
            {"file": file, "version": _stamp(file), "values": cell}
            for file, cell in zip(pictures, sweep.cells(), strict=True)
        ],
    }


def _stamp(file: str) -> str | None:
    """Tells one state of a file from another; of hundreds of pictures the content need not be read for it."""
    try:
        stat = Path(file).stat()
    except OSError:
        return None
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def plan_seeds(project: Project, scene: str, layer: str) -> tuple[str, list[Edit]]:
    """A sweep that tries more seeds of a layer: its name, and the edits of config.yaml that make it.

    The seeds follow the layer's own, or those that its sweep has tried already.

    Args:
        layer: background, refine, or the name of a subject or an effect.

    Raises:
        StrataError: no model paints the layer.
    """
    scenes = _read(project)
    described = scenes.find(f"{scene}/" if scene else "")
    effective = described.effective()
    section = next((name for name in ("subjects", "effects") if layer in effective[name]), None)
    path = (section, layer, "seed") if section else (layer, "seed")
    painted = effective[section][layer] if section else effective.get(layer)
    if not painted or painted.get("prompt") is None or (layer not in ("background", "refine") and section is None):
        raise StrataError(f"{described.source}: no model paints {layer}, so that it has no seed.")
    name = f"{scene.lower()}-{layer}-seeds".lstrip("-")[:64]
    key = ".".join(path)
    tried: list[Any] = []
    if name in scenes.sweeps and list(scenes.find_sweep(name).keys) == [key]:
        tried = [seed for seed in scenes.find_sweep(name).keys[key] if isinstance(seed, int)]
    first = max([painted["seed"], *tried]) + 1
    seeds = [seed % (HIGHEST + 1) for seed in range(first, first + SEEDS)]
    entry: dict[str, Any] = {"scene": scene} if scene else {}
    return name, [SetValue(("sweeps", name), {**entry, "keys": {key: seeds}})]


def find_pick(project: Project, name: str, cell: int) -> list[Edit]:
    """The edits of a scene's file that give it the values of a cell, counted from 0.

    Raises:
        StrataError: there is no such cell.
    """
    scenes = _read(project)
    sweep = scenes.find_sweep(name)
    cells = sweep.cells()
    if not 0 <= cell < len(cells):
        raise StrataError(f"The sweep {name} has {len(cells)} pictures, but no number {cell + 1}.")
    effective = scenes.find(f"{sweep.scene}/" if sweep.scene else "").effective()
    who = f"The sweep {name}"
    return [SetValue(find_path(effective, key, who), value) for key, value in cells[cell].items()]


def find_target(project: Project, name: str) -> str:
    """The target of a sweep's pictures: its contact sheet."""
    Layers(_read(project)).sweep(name)
    return f"{paths.RESULTS}/{paths.sheet(name)}"


def _read(project: Project) -> Scenes:
    file = project.read("").file
    return project.scenes("", file)
