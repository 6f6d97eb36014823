"""Puts the workflow's own files beside the library in a wheel; strata/installation.py finds them there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("Snakefile", "config.yaml", "envs", "models", "profiles", "report", "schemas")


class WorkflowFiles(BuildHookInterface):  # type: ignore[type-arg]
    """An editable installation needs none of them: there the library lies in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        scripts = root.joinpath("scripts").glob("*.py")
        for path in (*scripts, *(file for name in FILES for file in _files(root / name))):
            build_data["force_include"][str(path)] = f"strata/_workflow/{path.relative_to(root).as_posix()}"


def _files(path: Path) -> Iterator[Path]:
    """A file, or those below a folder. Links are followed: the two embedded pipelines share parts by links."""
    if path.is_file():
        yield path
    for folder, _, names in os.walk(path, followlinks=True):
        yield from (Path(folder, name) for name in sorted(names))
