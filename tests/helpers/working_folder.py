"""A folder with a scene on tiny models, and real Snakemake to build it."""

import contextlib
import functools
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from helpers.snakemake_starter import SnakemakeStarter

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 300
SNAKEMAKE = [sys.executable, "-m", "snakemake"]


@functools.cache
def start_snakemake() -> SnakemakeStarter:
    """What starts the builds of all tests in this process."""
    return SnakemakeStarter(ROOT / "scripts")


class WorkingFolder:
    """A working directory of the workflow.

    Args:
        folder: where it is; `config.yaml` is written into it unless it is there.
        models: the folder that holds the tiny pipelines `text-to-image` and `inpainting`.

    Attributes:
        workflow: the folder of the Snakefile.
        results: where the layers are, relative to `folder`.
    """

    results = "results"

    def __init__(self, folder: Path, models: Path):
        self.folder = folder
        self.workflow = ROOT
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "config.yaml").exists():
            # One thread is as fast for so little, and other tests run beside it.
            self.write({"runtime": {"threads": 1}} | scene(models))

    def copy(self, folder: Path) -> "WorkingFolder":
        """The same with its results, with every time of change."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return WorkingFolder(folder, folder)

    def write(self, config: dict, name: str = "config.yaml") -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    @property
    def config(self) -> dict:
        return yaml.safe_load((self.folder / "config.yaml").read_text())

    def edit(self, key: str, value: object) -> None:
        """Sets a key, given with dots; None takes it away."""
        config = self.config
        *parents, last = key.split(".")
        place = config
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
        self.write(config)

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs it on one core, and returns what it wrote, stderr with stdout."""
        return self.run(self.command(*arguments), **environment)

    def strata(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs the command `strata`, and returns what it wrote, stderr with stdout."""
        library = str(self.workflow / "scripts")
        return self.run([sys.executable, "-m", "strata", *arguments], PYTHONPATH=library, **environment)

    def run(self, command: list[str], **environment: str) -> subprocess.CompletedProcess:
        has_own_library = self.workflow != ROOT and (self.workflow / "scripts").exists()
        is_usual = not has_own_library and not any(name.startswith("PYTHON") for name in environment)
        if command[:3] == SNAKEMAKE and is_usual:
            code, said = start_snakemake().run(command[3:], self.folder, os.environ | environment, TIMEOUT)
            return subprocess.CompletedProcess(command, code, said)
        return subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
        )

    def command(self, *arguments: str) -> list[str]:
        cores = () if "--cores" in arguments else ("--cores", "1")
        return [*SNAKEMAKE, "-s", str(self.workflow / "Snakefile"), *cores, *arguments]

    def build(self, *arguments: str, **environment: str) -> str:
        """Builds the final picture, or what is asked for, and returns what was said."""
        done = self.snakemake(*(arguments or (f"{self.results}/final.png",)), **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *targets: str) -> set[str]:
        """The layers that a build would make, as `snakemake -n` tells: `background`, `masks/rover`, `final` ..."""
        code, said = self._dry_run("-n", "--verbose", *(targets or (f"{self.results}/final.png",)))
        assert code == 0, said
        return set(re.findall(rf"^    output: {self.results}/(\S+?)\.(?:png|yaml)", said, re.MULTILINE))

    def _dry_run(self, *arguments: str) -> tuple[int, str]:
        if self.workflow != ROOT:  # another copy of the library needs a process of its own
            done = self.snakemake(*arguments)
            return done.returncode, done.stdout
        # Snakemake's own command line in this process: most of a dry run's two seconds are imports.
        from snakemake.cli import main

        said = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                main(self.command(*arguments)[3:])
            except SystemExit as exit:
                code = exit.code or 0
                return (code, said.getvalue()) if isinstance(code, int) else (1, f"{said.getvalue()}{code}")
        return 0, said.getvalue()

    def bytes(self) -> dict[str, bytes]:
        """Every file under results/, by its name there."""
        results = self.folder / self.results
        return {str(path.relative_to(results)): path.read_bytes() for path in results.rglob("*") if path.is_file()}


def clone(folder: Path) -> Path:
    """A copy of the workflow, with new times, as a clone of the repository has them."""
    folder.mkdir()
    shutil.copyfile(ROOT / "Snakefile", folder / "Snakefile")
    for name in ("scripts", "schemas", "profiles", "report", "envs"):
        shutil.copytree(ROOT / name, folder / name, copy_function=shutil.copyfile)
    return folder


def scene(models: Path) -> dict:
    """A scene of two subjects and fog: a few cells of latents, a few steps."""
    return {
        "canvas": {"width": 96, "height": 64},
        "models": {
            "text_to_image": {"id": str(models / "text-to-image")},
            "inpainting": {"id": str(models / "inpainting")},
        },
        "background": {"prompt": "a desert", "negative_prompt": "people", "seed": 77, "steps": 3, "guidance_scale": 8},
        "subjects": {
            "astronaut": {
                "mask": {"shapes": [{"shape": "ellipse", "bbox": [8, 8, 32, 56]}], "feather": 2},
                "prompt": "an astronaut",
                "negative_prompt": "text",
                "seed": 42,
                "steps": 3,
                "guidance_scale": 8,
                "strength": 0.95,
            },
            "rover": {
                "mask": {"shapes": [{"shape": "rectangle", "bbox": [64, 24, 88, 56]}], "feather": 2},
                "prompt": "a rover",
                "negative_prompt": "text",
                "seed": 99,
                "steps": 3,
                "guidance_scale": 8,
                "strength": 0.9,
            },
        },
        "effects": {
            "fog": {"prompt": "fog", "negative_prompt": "ground", "seed": 200, "steps": 2, "guidance_scale": 5}
        },
        "composite": {
            "layers": [
                {"layer": "background"},
                {"layer": "astronaut"},
                {"layer": "rover"},
                {"layer": "fog", "opacity": 0.3, "blur": 2},
            ],
            "finish": {"contrast": 1.15},
        },
    }
