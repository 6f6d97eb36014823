"""Builds again whenever the config, a scene or an image that they name is saved, until Ctrl-C.

    python scripts/live.py                       builds the final picture of config.yaml
    python scripts/live.py results/night/final.png
    python scripts/live.py --cores 2 all         what `snakemake` takes, this takes

Each build is one of Snakemake's own, with the same profile, lock and closing line. What is saved is Snakemake's start,
which is paid once, and with a warm worker the models' loading.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import watchfiles
from snakemake.benchmark import benchmarked
from snakemake.cli import get_argument_parser
from snakemake.cli import main as snakemake
from snakemake.script import PythonScript

from strata.configs import read_yaml
from strata.errors import StrataError
from strata.forks import Forks
from strata.model_lock import LOCK

WORKFLOW = Path(__file__).resolve().parents[1]
SCENES = "scenes"

# What a process reads once. When it changes, this one begins anew.
SOURCE = ("scripts", "schemas")

LOOK_MILLISECONDS = 1000  # a change that no event told of is seen after so long


def main(arguments: list[str]) -> None:
    fork_scripts(Forks(import_for_scripts))
    arguments = complete(arguments)
    settings = get_argument_parser().parse_args(arguments)
    configs = [str(config) for config in settings.configfile or ["config.yaml"]]
    folder = Path(settings.directory or ".").resolve()
    source = state(sources())
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            seen = state(inputs(folder, configs))
            build(arguments)
            print("Watching. Ctrl-C ends it.", file=sys.stderr, flush=True)
            wait(folder, configs, seen)
            if state(sources()) != source:
                os.execv(sys.executable, [sys.executable, *sys.argv])
    print(file=sys.stderr)


def complete(arguments: list[str]) -> list[str]:
    """Snakemake's arguments, with what nearly everybody wants."""
    settings = get_argument_parser().parse_args(arguments)
    snakefile = [] if settings.snakefile else ["--snakefile", str(WORKFLOW / "Snakefile")]
    # Those that are given come last, and so win.
    targets = [] if settings.targets else ["results/final.png"]
    return ["--cores", "1", *snakefile, *arguments, *targets]


def import_for_scripts() -> None:
    """Imports what the adapters do. (What paints is imported by the worker.)"""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as Snakemake sets it, and a process with threads is not to be forked
    import numpy  # noqa: F401
    import yaml  # noqa: F401
    from PIL import PngImagePlugin  # noqa: F401

    from strata import attempts, compositing, layers, masks, painting, progress, windows  # noqa: F401


def fork_scripts(forks: Forks) -> None:
    """Lets the jobs of this process' builds be forks, where Snakemake would start an interpreter for each."""
    started_anew = PythonScript.execute_script

    def execute(job: PythonScript, script: str, edit: bool = False) -> None:
        if edit or job.conda_env or job.container_img or job.env_modules or job.shadow_dir:
            started_anew(job, script, edit)  # it needs another interpreter, or another folder
            return
        try:
            running = forks.start(script)
        except OSError:
            started_anew(job, script)
            return
        with benchmarked(running.number, job.bench_record):
            code = running.wait()
        if code:
            raise subprocess.CalledProcessError(code, [sys.executable, script])

    PythonScript.execute_script = execute


def build(arguments: list[str]) -> None:
    """One build. What is wrong with it is told, and the watch goes on."""
    interrupts = []

    def interrupt(number, frame):
        interrupts.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, interrupt)  # Snakemake ends the build then, and does not tell why
    with contextlib.chdir(Path.cwd()):
        try:
            snakemake(arguments)
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        finally:
            # Snakemake leaves handlers behind that would never let this process end.
            for number, handler in before.items():
                signal.signal(number, handler)
    if interrupts:
        raise KeyboardInterrupt


def wait(folder: Path, configs: list[str], seen: dict) -> None:
    """Returns when what a build reads differs from what was seen before it."""
    if state(inputs(folder, configs)) != seen:
        return
    # Folders, since editors replace files; and files that were saved while the watch was set up are seen by their state.
    folders = {path.parent for path in inputs(folder, configs)} | {folder, WORKFLOW}
    folders |= {path.parent for path in sources()} | ({folder / SCENES} if (folder / SCENES).is_dir() else set())
    source = state(sources())
    for _ in watchfiles.watch(
        *filter(Path.is_dir, folders),
        recursive=False,
        raise_interrupt=True,
        yield_on_timeout=True,
        rust_timeout=LOOK_MILLISECONDS,
    ):
        if state(inputs(folder, configs)) != seen or state(sources()) != source:
            return


def inputs(folder: Path, configs: list[str]) -> list[Path]:
    """The files that a build reads: the configs, the scenes, the images that they name, and the lock of the models."""
    described = [*(folder / config for config in configs), *sorted((folder / SCENES).glob("*.yaml"))]
    return [*described, *(folder / image for path in described for image in images(path)), folder / LOCK]


def images(path: Path) -> Iterator[str]:
    """The images of masks and effects that a config or a scene names, as far as it can be read."""
    try:
        description = read_yaml(path) if path.is_file() else {}
    except StrataError:
        return  # the build says what is wrong with it
    subjects, effects = (_entries(description.get(section)) for section in ("subjects", "effects"))
    for named in (*(subject.get("mask") for subject in subjects), *effects):
        image = named.get("image") if isinstance(named, dict) else None
        if isinstance(image, str):
            yield image


def _entries(section: object) -> list[dict]:
    """The mappings of a section by name; none if it is something else, which the build tells."""
    return [entry for entry in section.values() if isinstance(entry, dict)] if isinstance(section, dict) else []


def sources() -> list[Path]:
    """The files of the workflow itself."""
    return [WORKFLOW / "Snakefile", *(file for name in SOURCE for file in (WORKFLOW / name).rglob("*.[py][ya]*"))]


def state(paths: list[Path]) -> dict[Path, tuple | None]:
    """What tells whether a file was changed; None for one that is not there."""
    return {path: (stat.st_mtime_ns, stat.st_size, stat.st_ino) if (stat := _stat(path)) else None for path in paths}


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


if __name__ == "__main__":
    main(sys.argv[1:])
