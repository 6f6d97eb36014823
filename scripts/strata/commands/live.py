"""Builds again whenever the config, a scene or an image that they name is saved, until Ctrl-C.

    strata live                               builds the final picture of config.yaml
    strata live results/night/final.png
    strata live --cores 2 all                 what `snakemake` takes, this takes

Each build is one of Snakemake's own, with the same profile, lock and closing line. Only Snakemake's start is paid once, and
with a warm worker the models' loading.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import watchfiles
from snakemake.cli import get_argument_parser

from strata.errors import StrataError
from strata.files import FileState, find_state
from strata.installation import LIBRARY, SCHEMAS, SCRIPTS, WORKFLOW
from strata.models.lock import LOCK
from strata.workflow.repeated_builds import build, complete
from strata.yaml_files import read_yaml

SCENES = "scenes"

# What a process reads once. When it changes, this one begins anew.
SOURCES = (LIBRARY, SCRIPTS, SCHEMAS)

LOOK_MILLISECONDS = 1000  # a change that raised no event is seen after so long

State = dict[Path, FileState | None]
"""What tells whether files were changed: time of change, size, inode; None for one that is not there."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All are Snakemake's."""


def run(arguments: argparse.Namespace) -> None:
    command = complete(arguments.snakemake)
    settings = get_argument_parser().parse_args(command)
    configs = [str(config) for config in settings.configfile or ["config.yaml"]]
    folder = Path(settings.directory or ".").resolve()
    source = look_at(list_sources())
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            seen = look_at(list_inputs(folder, configs))
            build(command)
            print("Watching. Ctrl-C ends it.", file=sys.stderr, flush=True)
            wait(folder, configs, seen)
            if look_at(list_sources()) != source:
                os.execv(sys.executable, sys.orig_argv)
    print(file=sys.stderr)


def wait(folder: Path, configs: list[str], seen: State) -> None:
    """Returns when what a build reads differs from what was seen before it."""
    if look_at(list_inputs(folder, configs)) != seen:
        return
    # Folders, since editors replace files; and files that were saved while the watch was set up are seen by their state.
    folders = {path.parent for path in list_inputs(folder, configs)} | {folder, WORKFLOW}
    folders |= {path.parent for path in list_sources()} | ({folder / SCENES} if (folder / SCENES).is_dir() else set())
    source = look_at(list_sources())
    for _ in watchfiles.watch(
        *filter(Path.is_dir, folders),
        recursive=False,
        raise_interrupt=True,
        yield_on_timeout=True,
        rust_timeout=LOOK_MILLISECONDS,
    ):
        if look_at(list_inputs(folder, configs)) != seen or look_at(list_sources()) != source:
            return


def list_inputs(folder: Path, configs: list[str]) -> list[Path]:
    """The files that a build reads: the configs, the scenes, the images that they name, and the lock of the models."""
    described = [*(folder / config for config in configs), *sorted((folder / SCENES).glob("*.yaml"))]
    return [*described, *(folder / image for path in described for image in find_images(path)), folder / LOCK]


def find_images(path: Path) -> Iterator[str]:
    """The images that a config or a scene names, as far as it can be read."""
    try:
        description = read_yaml(path) if path.is_file() else {}
    except StrataError:
        return  # the build says what is wrong with it
    yield from _find_images(description)


def _find_images(described: object) -> Iterator[str]:
    """The values of all keys `image` in a description; what else may stand there, the build reports."""
    if isinstance(described, dict):
        for key, value in described.items():
            if key == "image" and isinstance(value, str):
                yield value
            yield from _find_images(value)


def list_sources() -> list[Path]:
    """The files of the workflow itself."""
    return [WORKFLOW / "Snakefile", *(file for folder in SOURCES for file in folder.rglob("*.[py][ya]*"))]


def look_at(paths: Iterable[Path]) -> State:
    """The state of files, to be compared with a later look."""
    return {path: find_state(path) for path in paths}
