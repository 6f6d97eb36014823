"""A build from its first job to its last: one at a time in a folder, and a line at the end that says what was done."""

import atexit
import errno
import gc
import logging
import math
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from strata.errors import StrataError
from strata.exits import print_line, with_sentences
from strata.files import cannot_write, exists
from strata.installation import claim_imports
from strata.painting import history, journal, remaining, under_way, worker_client
from strata.painting.journal import FAILED, WORDS, Entry
from strata.scene import paths
from strata.state import BUILD_LOCK, HISTORY
from strata.workflow import console, preparation, recipes, snakemake_internals
from strata.workflow import plan as plans
from strata.workflow.estimates import BUILD
from strata.workflow.forked_jobs import fork
from strata.workflow.records import MOMENT, Comparison
from strata.workflow.rules import SceneRules
from strata.yaml_files import check_yaml

FOLDERS = (paths.RESULTS, "logs")
"""What builds write into, beside their state."""

ANOTHER_BUILD = "Another build is at work in {folder}. Wait for it to end, or give this one its own --directory."

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
        self.comparison = Comparison(flags=not on_node, meet_another=self._meet_another)
        _check_rights(Path(".snakemake"))
        self.comparison.prepare()
        self.group = "scene" if on_node else None
        self._workflow = workflow
        self._lock = FileLock(BUILD_LOCK)
        self._read = _began_reading()
        self._started = 0.0
        self._is_first = False
        self._rules: list[SceneRules] = []
        self._is_module = False
        _leave_garbage_alone()
        logging.raiseExceptions = False  # on a full disk Snakemake's log would print a traceback for each line
        claim_imports()
        snakemake_internals.check_each_script_once()
        snakemake_internals.run_scripts_by(fork)
        snakemake_internals.on_build(workflow, self.begin, self.succeed, self.release)
        if snakemake_internals.speaks_to_a_person(workflow):
            console.watch(lambda: snakemake_internals.is_dry_run(workflow), self._describe_plan)
            snakemake_internals.list_no_jobs_of_dry_runs(workflow)

    def threads(self, wildcards: Any) -> int:
        """The cores that a job takes while a pass is painted: none here, where it waits for the device; one on a cluster.

        So the next pass is made ready while the one before samples, also with `--cores 1`.
        """
        return 0 if self._forks_jobs_here() else 1

    def _forks_jobs_here(self) -> bool:
        return snakemake_internals.runs_jobs_here(self._workflow) and snakemake_internals.has_one_environment(
            self._workflow
        )

    def add(self, config: Mapping[str, Any]) -> SceneRules:
        """The rules' functions for the scenes of a config. The build prepares its jobs, and reports on them."""
        rules = SceneRules(config, self.comparison, snakemake_internals.results_folder(self._workflow))
        self._rules.append(rules)
        self._is_module |= snakemake_internals.is_given_config(self._workflow)
        if snakemake_internals.is_on_node(self._workflow):
            keep_worker = snakemake_internals.has_one_environment(self._workflow)
            snakemake_internals.provide_devices(self._workflow, preparation.arrive(rules.runtime, keep_worker))
        return rules

    @with_sentences
    def begin(self) -> None:
        """Takes the working directory, and refuses or starts what it can before the first job."""
        jobs = snakemake_internals.jobs_to_run(self._workflow)
        _check_folders(jobs)
        try:
            self._lock.acquire(timeout=MOMENT)
        except Timeout:
            raise StrataError(ANOTHER_BUILD.format(folder=Path.cwd())) from None
        except OSError as error:
            raise StrataError(cannot_write(BUILD_LOCK, error)) from None
        try:
            self._prepare(jobs)
        except BaseException:  # Ctrl-C, too: this process may live on and build again
            self.release()
            raise

    def _prepare(self, jobs: list[Any]) -> None:
        """Does what is due before the first job, with the folder in hand."""
        self._started = time.time()
        under_way.begin()
        journal.begin()
        self._is_first = not HISTORY.exists()
        history.forget_old()
        recipes.forget_old()
        self.comparison.save()
        self._expect(jobs)
        if self._forks_jobs_here():
            preparation.start_worker(jobs, self._rules[0].runtime)
            # Where models take turns, the job that waits might be of the wrong one.
            if preparation.count_models(jobs) <= FEW_MODELS:
                snakemake_internals.let_one_more_wait(self._workflow)
        preparation.check_masks(jobs)
        snakemake_internals.arrange_jobs(self._workflow, preparation.identify_model)
        for rules in self._rules:
            preparation.print_hints(jobs, rules.scenes)

    def succeed(self) -> None:
        """Prints the closing lines: what was done, and which files no scene names any more."""
        took = time.time() - self._started
        self.release()
        snakemake_internals.cancel_timers()
        done = [entry for entry in journal.read() if entry["how"] != FAILED]
        self._remember_seconds(done)
        print_line(summarise(done, took))
        if leftovers := self._find_leftovers():
            listed = ", ".join(map(str, leftovers[:3])) + (", ..." if len(leftovers) > 3 else "")
            advice = "" if self._is_module else " `strata tidy` lists such files."  # it reads config.yaml as a scene
            print_line(f"No scene names {listed} any more.{advice}")

    def release(self) -> None:
        """Lets go of the folder, also when the build failed: its process may live on and build again."""
        under_way.end()
        self._lock.release()

    def _meet_another(self) -> None:
        """Does not let Snakemake say that nothing is to be done, where what is to be done could not be flagged."""
        if snakemake_internals.is_dry_run(self._workflow):
            print_line(
                f"Another build is at work in {Path.cwd()}: what follows may leave out what is to be made again."
            )
        elif snakemake_internals.is_started_by_a_person(self._workflow):
            raise StrataError(ANOTHER_BUILD.format(folder=Path.cwd()))

    def _describe_plan(self) -> list[str]:
        """The lines of a dry run: the plan for the files that Snakemake would make."""
        files = _list_files(snakemake_internals.jobs_to_run(self._workflow))
        return [line for plan in self._plan(files) for line in plans.lines(plan, also=set(files))]

    def _expect(self, jobs: list[Any]) -> None:
        """Lets the jobs know how long the others will take."""
        plan = self._plan(_list_files(jobs))
        remaining.expect({step.layer: step.seconds or 0.0 for part in plan for step in part.to_do})

    def _plan(self, files: list[str]) -> list[plans.Plan]:
        """A plan for those of some files that each config's scenes have."""
        held, found = worker_client.find_held(), []
        for rules in self._rules:
            own = [file.removeprefix(rules.results) for file in files if file.startswith(rules.results)]
            planner = plans.Planner(rules.layers, self.comparison, held, rules.results)
            found.append(planner.plan([file for file in own if not file.endswith((".tsv", ".json"))]))
        return found

    def _remember_seconds(self, done: list[Entry]) -> None:
        """Writes down what the build took beside its layers, for plans."""
        # The first build of all compiles what it imports, and tells nothing about the next.
        if done and not self._is_first and snakemake_internals.runs_one_job_at_a_time(self._workflow):
            on_layers = _cover((entry["started"] - entry.get("waiting", 0.0), entry["ended"]) for entry in done)
            beside = max(time.time() - self._read - on_layers, 0.0)
            history.add({"what": BUILD, "how": BUILD, "work": len(done), "seconds": round(beside, 3)})

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


def _cover(spans: Iterable[tuple[float, float]]) -> float:
    """The seconds in which at least one of some spans of time was under way."""
    covered, end = 0.0, -math.inf
    for begins, ends in sorted(spans):
        covered += max(ends - max(begins, end), 0.0)
        end = max(end, ends)
    return covered


def _began_reading() -> float:
    """When the command began: for the first build of a process with the process, for a later one now."""
    global _has_built
    began, _has_built = time.time() if _has_built else psutil.Process().create_time(), True
    return began


_has_built = False


PICTURE = re.compile(r"final(@[24]x)?\.png")

FEW_MODELS = 2
"""So many, one that paints backgrounds and one that inpaints, follow each other as layers do."""

MOST_NAMED = 4
"""Beyond so many, the closing line counts layers and pictures."""

LOOKED = "looked"
"""How a pass was done whose model looks at a picture and paints none."""

NAMED = {
    "painted": "passes",
    LOOKED: "passes",
    "store": "passes",
    "kept": "passes",
    "enlarged": "pictures",
    "fetched": "models",
    "there": "models",
}
"""What the closing line speaks of, of journal.WORDS and LOOKED, and what many of them are called. The rest is drawn in a moment."""


def _leave_garbage_alone() -> None:
    gc.set_threshold(*RARELY)
    # As Python ends, it goes through all objects several times, half a second for those of Snakemake: frozen ones it passes over.
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def _list_files(jobs: Iterable[Any]) -> list[str]:
    return [str(file) for job in jobs for file in job.output]


def _check_folders(jobs: Iterable[Any]) -> None:
    """Refuses a working directory in which jobs could not write: Snakemake would end in a traceback."""
    for folder in map(Path, FOLDERS):
        if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
            raise StrataError(f"{folder} is not a folder, but a build writes its files there. Move it away.")
    for folder in sorted({Path(file).parent for job in jobs for file in (*job.output, *job.log)}):
        _check_rights(folder)


def _check_rights(folder: Path) -> None:
    """Refuses a folder, there or to be made, in which the user may not write."""
    there = next((parent for parent in (folder, *folder.parents) if exists(parent)), Path())
    if not os.access(there, os.W_OK | os.X_OK):
        is_read_only = os.statvfs(there).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise StrataError(cannot_write(there, OSError(number, os.strerror(number))))


def summarise(entries: list[Entry], took: float) -> str:
    """One line about the finished layers of a build, which took so many seconds."""
    entries = _merge_repeated(entries)
    pictures = [entry["layer"] for entry in entries if PICTURE.fullmatch(Path(entry["layer"]).name)]
    others = [entry["layer"] for entry in entries if entry["how"] in ("laid out", "exported")]
    if not pictures:
        pictures, others = others, []
    where = ", ".join(pictures) if len(pictures) <= MOST_NAMED else f"{len(pictures)} pictures"
    done = []
    for how, words in ({LOOKED: "looked at"} | WORDS).items():
        names = [_short_name(entry["layer"]) for entry in entries if _how(entry) == how]
        if how in NAMED and names:
            few = len(names) <= MOST_NAMED and len(set(names)) == len(names)
            done.append(f"{', '.join(names) if few else f'{len(names)} {NAMED[how]}'} {words}")
    if loads := sum(entry.get("loads", 0) for entry in entries):
        done.append("1 model loaded" if loads == 1 else f"{loads} models loaded")
    parts = [f"{where or 'No picture asked for'}: {'; '.join(done) or 'nothing painted'}", f"{took:.1f} s", *others]
    return "; ".join(parts)


def _merge_repeated(entries: list[Entry]) -> list[Entry]:
    """One entry for each layer: a job that was lost sight of is run again, and finds that its layer is right."""
    merged: dict[str, Entry] = {}
    for entry in entries:
        if entry["layer"] not in merged or entry["how"] != "kept":
            merged[entry["layer"]] = entry
    return list(merged.values())


def _how(entry: Entry) -> str:
    """A key of journal.WORDS, or LOOKED."""
    looked = entry["how"] == "painted" and Path(entry["layer"]).parent.name in paths.SEEN
    return LOOKED if looked else entry["how"]


def _short_name(layer: str) -> str:
    """A layer's name, or a model's, which is no file. What was found for a layer is told from it."""
    path = Path(layer)
    if path.parent.name in paths.SEEN:
        return f"{path.parent.name}/{path.stem}"
    return path.stem if layer.endswith(".png") else layer
