"""A build from its first job to its last: one at a time in a folder, and a line at the end that says what was done."""

import gc
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from strata.errors import StrataError
from strata.exits import with_sentences
from strata.files import cannot_write
from strata.installation import claim_imports
from strata.painting import journal
from strata.painting.journal import FAILED, WORDS, Entry
from strata.scene import paths
from strata.state import BUILD_LOCK
from strata.workflow import preparation, snakemake_internals
from strata.workflow.records import Comparison
from strata.workflow.rules import SceneRules
from strata.yaml_files import check_yaml

FOLDERS = (paths.RESULTS, "logs")
"""What builds write into, beside their state."""

RARELY = (100_000, 50, 100)
"""When Python looks for garbage, instead of (700, 10, 10). The jobs of many scenes are objects that stay to the end: going
through them again and again would be a tenth of a dry run, and find nothing."""


@with_sentences
def check_config(workflow: Any, path: str) -> str:
    """Returns `path`, for the Snakefile's `configfile:`, after a look at the file where Snakemake is about to read it."""
    return check_yaml(path) if snakemake_internals.reads_configfile(workflow, path) else path


class Build:
    """Holds the working directory from a build's first job until the build ends, or its process.

    The lock is the operating system's, which takes it back however the process ends: after a crash the same command
    just works, which Snakemake's own lock files do not allow.

    Attributes:
        comparison: tells which layers were made from something else than what is there now.
        group: the group of all jobs on a node of a cluster: what a profile's `groups` submitted as one job stays one there.
    """

    def __init__(self, workflow: Any):
        on_node = snakemake_internals.is_on_node(workflow)
        self.comparison = Comparison(flags=not on_node)
        self.comparison.prepare()
        self.group = "scene" if on_node else None
        self._workflow = workflow
        self._lock = FileLock(BUILD_LOCK)
        self._started = 0.0
        self._rules: list[SceneRules] = []
        gc.set_threshold(*RARELY)
        claim_imports()
        snakemake_internals.on_build(workflow, self.begin, self.succeed, self.release)

    def add(self, config: Mapping[str, Any]) -> SceneRules:
        """The rules' functions for the scenes of a config. The build prepares its jobs, and reports on them."""
        rules = SceneRules(config, self.comparison, snakemake_internals.results_folder(self._workflow))
        self._rules.append(rules)
        if snakemake_internals.is_on_node(self._workflow):
            keep_worker = snakemake_internals.has_one_environment(self._workflow)
            snakemake_internals.provide_devices(self._workflow, preparation.arrive(rules.runtime, keep_worker))
        return rules

    @with_sentences
    def begin(self) -> None:
        """Takes the working directory, and refuses or starts what it can before the first job."""
        _check_folders()
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            raise StrataError(
                f"Another build is at work in {Path.cwd()}. Wait for it to end, or give this one its own --directory."
            ) from None
        except OSError as error:
            raise StrataError(cannot_write(BUILD_LOCK, error)) from None
        self._started = time.time()
        journal.begin()
        self.comparison.save()
        jobs = snakemake_internals.jobs_to_run(self._workflow)
        here = snakemake_internals.runs_jobs_here(self._workflow)
        if here and snakemake_internals.has_one_environment(self._workflow):
            preparation.start_worker(jobs, self._rules[0].runtime)
        preparation.check_masks(jobs)
        snakemake_internals.arrange_jobs(self._workflow, preparation.identify_model)
        for rules in self._rules:
            preparation.print_hints(jobs, rules.scenes)

    def succeed(self) -> None:
        """Prints the closing lines: what was done, and which files no scene names any more."""
        took = time.time() - self._started
        self.release()
        snakemake_internals.cancel_timers()
        print(summarise([entry for entry in journal.read() if entry["how"] != FAILED], took), file=sys.stderr)
        if leftovers := self._find_leftovers():
            listed = ", ".join(map(str, leftovers[:3])) + (", ..." if len(leftovers) > 3 else "")
            print(f"No scene names {listed} any more. `strata tidy` lists such files.", file=sys.stderr)

    def release(self) -> None:
        """Lets go of the folder, also when the build failed: its process may live on and build again."""
        self._lock.release()

    def _find_leftovers(self) -> list[Path]:
        """The layers, in the folders of the scenes that this build looked at, that those scenes no longer have."""
        return [
            path
            for rules in self._rules
            for folder, scene in rules.scenes.loaded.items()
            for path in paths.find_leftovers(folder, scene, Path(rules.results))
        ]


@with_sentences
def open_build(workflow: Any) -> Build:
    """The build of a workflow: one for all modules that it may use."""
    build: Build | None = vars(workflow).get("strata_build")
    if build is None:
        build = Build(workflow)
        workflow.strata_build = build
    return build


def _check_folders() -> None:
    """Refuses a working directory in which jobs could not write."""
    for folder in map(Path, FOLDERS):
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            raise StrataError(f"{folder} is not a folder, but a build writes its files there. Move it away.")


def summarise(entries: list[Entry], took: float) -> str:
    """One line about the finished layers of a build, which took so many seconds."""
    pictures = [entry["layer"] for entry in entries if Path(entry["layer"]).name.startswith(("final.", "final@"))]
    done = []
    for how, words in WORDS.items():
        names = [_short_name(entry["layer"]) for entry in entries if entry["how"] == how]
        if how not in ("drawn", "composited") and names:
            done.append(f"{', '.join(names)} {words}")
    if loads := sum(entry.get("loads", 0) for entry in entries):
        done.append("1 model loaded" if loads == 1 else f"{loads} models loaded")
    where = ", ".join(pictures) or "No picture asked for"
    return f"{where}: {'; '.join(done) or 'nothing painted'}; {took:.1f} s"


def _short_name(layer: str) -> str:
    """A layer's name, or a model's, which is no file."""
    return Path(layer).stem if layer.endswith(".png") else layer
