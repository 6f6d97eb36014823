"""What touches the insides of Snakemake: each use, why it is there, when it may go.

Written for Snakemake 9.27. tests/unit/test_snakemake_internals.py fails when one of these insides changes. No issue upstream
is known for any of them.

on_build() replaces `workflow._onstart` and its siblings, and the functions that register them.
    Snakemake ignores the `onstart` of a module: a build that uses this workflow as a module would begin without it.
    May go when modules may have hooks.
results_folder() asks the path modifier of the module that is being read.
    The prefix of a module is part of its layers' names, and params functions are not told. May go when they are.
reads_configfile() asks that modifier, too, and for the files of `--configfile`.
    A `configfile:` is checked before Snakemake reads it, and must not be where Snakemake would not read it. May go when
    Snakemake itself says in a sentence what is wrong with it.
let_one_more_wait() raises the scheduler's total of the resource `gpu` by one.
    With as many jobs as devices, a device waits after each pass until Snakemake has ended one job and begun the next. May go when
    a job can say that it is done with a resource.
arrange_jobs() reads what the jobs of `workflow.dag` depend on, and sets their `_priority`.
    Jobs are ordered so that models are loaded as few times as possible, which needs the whole DAG; a rule's `priority` is worked
    out for each job alone, while the DAG is being built. May go when hooks are given the jobs and may order them.
jobs_to_run() and spec_of() read `workflow.dag` and the params of its jobs.
    A build refuses bad masks and starts its worker before the first job. May go when hooks are given the jobs.
name_parameters() sets `_overwrite_params` of functions of ours.
    Snakemake looks at the signature of an input function six times for each job, which is a fifteenth of a dry run of many scenes.
    May go when it looks once.
list_no_jobs_of_dry_runs() replaces the printjob() of the executor of dry runs.
    The plan tells what Snakemake's list of jobs would. Putting the list together, which nobody sees, is a sixth of a dry run of many
    scenes. May go when Snakemake puts it together only for those who see it.
check_each_script_once() replaces ScriptProcessor.process_job.
    For each job that runs a script, Snakemake reads the script anew and asks twice whether it is there, which is a sixth of a dry run
    of many scenes. May go when it looks once for each rule.
cancel_timers() cancels the timers of this process.
    With each job Snakemake starts a timer of a second, to look for jobs that may be submitted, and Python waits for all of
    them at the end. May go when Snakemake cancels them itself.
run_scripts_by() replaces PythonScript.execute_script.
    Snakemake starts an interpreter for each script, which costs more than what a light job does. An executor plugin would be
    the official way, but one has to be installed before Snakemake reads its command line, it cannot run the jobs of a group on a
    node, and it would have to repeat what the local executor does. May go when the interpreter of a script can be chosen.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import Parameter
from pathlib import Path
from typing import Any, Protocol

import psutil
from snakemake_interface_executor_plugins.settings import ExecMode

from strata.workflow import order

Hook = Callable[[], None]

LOST = 255
"""What multiprocessing says of a process whose end it could not learn, since the one that it was forked from was killed."""

HOOKS = ("onstart", "onsuccess", "onerror")


class RunningScript(Protocol):
    """A script at work: its process, and what waits for its exit code."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> int: ...


def on_build(workflow: Any, begin: Hook, succeed: Hook, fail: Hook) -> None:
    """Has three functions called when a build begins, succeeds and fails, before what the Snakefiles say.

    It makes no difference whether the Snakefile that asks is the main one or a module, nor which comes first.
    """
    for name, hook in zip(HOOKS, (begin, succeed, fail), strict=True):
        register = getattr(workflow, name)
        setattr(workflow, f"_{name}", _before(hook, getattr(workflow, f"_{name}")))
        setattr(workflow, name, lambda theirs, hook=hook, register=register: register(_before(hook, theirs)))


def _before(hook: Hook, theirs: Callable[[Any], Any]) -> Callable[[Any], None]:
    def call(log: Any) -> None:
        hook()
        theirs(log)

    return call


def folder_of_snakefile(workflow: Any) -> str:
    """The folder of the Snakefile that is being read, also where it is a module."""
    return str(workflow.current_basedir)


def results_folder(workflow: Any) -> str:
    """The folder `results/` with the prefix that a module was given."""
    return str(workflow.modifier.modify_path("results/"))


def is_given_config(workflow: Any) -> bool:
    """Whether this is a module whose config is a part of another workflow's."""
    return bool(workflow.modifier.skip_configfile)


def reads_configfile(workflow: Any, path: str) -> bool:
    """Whether the Snakefile's `configfile:` reads a file, or is about to miss it.

    A module that is given its config reads none, and `--configfile` makes up for one that is not there.
    """
    return not is_given_config(workflow) and (Path(path).is_file() or not workflow.overwrite_configfiles)


def is_on_node(workflow: Any) -> bool:
    """Whether this process runs a part of a build on a node of a cluster."""
    return bool(workflow.remote_exec)


def speaks_to_a_person(workflow: Any) -> bool:
    """Whether this is the process that somebody started, and who did not ask for all that Snakemake can say."""
    return is_started_by_a_person(workflow) and not workflow.output_settings.verbose


def is_started_by_a_person(workflow: Any) -> bool:
    """Whether this process is no part of another build."""
    return bool(workflow.exec_mode == ExecMode.DEFAULT)


def name_parameters(function: Callable[..., Any], *names: str) -> None:
    """Tells Snakemake the parameters of a function, which it then need not look for."""
    from snakemake.common import overwrite_function_params

    parameters = {name: Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names}
    overwrite_function_params(function, parameters)


def list_no_jobs_of_dry_runs(workflow: Any) -> None:
    """Has dry runs of a workflow say nothing of each job. Others in this process list theirs."""
    from snakemake.executors import dryrun

    print_job = getattr(dryrun.Executor.printjob, "replaced", dryrun.Executor.printjob)

    def print_where_listed(executor: Any, job: Any) -> None:
        if not getattr(executor.workflow, "strata_lists_no_jobs", False):
            print_job(executor, job)

    print_where_listed.replaced = print_job  # type: ignore[attr-defined]
    dryrun.Executor.printjob = print_where_listed
    workflow.strata_lists_no_jobs = True


def check_each_script_once() -> None:
    """Has Snakemake look whether a script can be read when the first job needs it, and not for every job."""
    import snakemake.api  # noqa: F401 # Snakemake's modules import each other, and can be imported in this order alone
    from snakemake.dag import ScriptProcessor

    look = getattr(ScriptProcessor.process_job, "replaced", ScriptProcessor.process_job)

    def look_once(processor: Any, job: Any) -> None:
        script = getattr(job.rule, processor.script_type)
        seen = vars(processor).setdefault("strata_seen", set())
        place = str(job.rule.basedir), str(script)
        if place not in seen:
            look(processor, job)
            if "{" not in str(script):  # else each job may have another one
                seen.add(place)

    look_once.replaced = look  # type: ignore[attr-defined]
    ScriptProcessor.process_job = look_once


def is_dry_run(workflow: Any) -> bool:
    """Whether jobs are only listed."""
    return bool(workflow.dryrun)


def runs_jobs_here(workflow: Any) -> bool:
    """Whether jobs run on this machine, and not on a cluster."""
    return bool(workflow.local_exec)


def runs_one_job_at_a_time(workflow: Any) -> bool:
    """Whether jobs run here, one after another."""
    return runs_jobs_here(workflow) and workflow.resource_settings.cores == 1


def has_one_environment(workflow: Any) -> bool:
    """Whether all jobs use this process' Python: no conda, no container."""
    return not workflow.deployment_settings.deployment_method


def provide_devices(workflow: Any, count: int) -> None:
    """Says how many devices there are: the total of the resource `gpu`."""
    workflow.register_resource("gpu", count)


def let_one_more_wait(workflow: Any) -> None:
    """Lets a job of one pass more than there are devices begin, unless there are none. It waits for the device's own lock."""
    count = workflow.scheduler.resources.get("gpu")
    if isinstance(count, int) and 0 < count < sys.maxsize:
        workflow.register_resource("gpu", count + 1)


def jobs_to_run(workflow: Any) -> list[Any]:
    """The jobs of a build that is about to begin, or of a dry run."""
    return list(workflow.dag.needrun_jobs(exclude_finished=False))


def arrange_jobs(workflow: Any, find_model: Callable[[dict[str, Any]], str | None]) -> None:
    """Has the jobs of a build that is about to begin run in an order that loads models as few times as possible.

    Jobs without a model come as early as they can, so that a bad picture is found before a model is loaded. Jobs of another
    workflow keep their priority, as does what a person asked for with `--prioritize`.

    Args:
        find_model: what identifies the model of a job, by its spec; None for a job without.
    """
    dag = workflow.dag
    jobs = sorted(jobs_to_run(workflow), key=lambda job: [str(file) for file in job.output])
    models = {job: find_model(spec) for job, spec in iterate_specs(jobs)}
    arranged = order.arrange(jobs, lambda job: dag.dependencies[job].keys(), models.get)
    for place, job in enumerate(arranged):
        if job in models:
            priority = len(arranged) - place if models[job] else len(arranged) + 1
            dag._priority[job] = max(dag._priority[job], priority)


def spec_of(job: Any) -> dict[str, Any] | None:
    """The `spec` of one of this workflow's jobs; None for a job of another workflow that uses this one as a module."""
    spec = job.params.get("spec")
    return spec if isinstance(spec, dict) and "code" in spec else None


def cancel_timers() -> None:
    """Lets the process end now, instead of a second after its last job."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


def run_scripts_by(start: Callable[[str], RunningScript]) -> None:
    """Has this workflow's scripts started by a function of ours, from now on.

    Args:
        start: given the path of a script, starts it in this process' working directory. What it raises as OSError has Snakemake
            start the script itself.
    """
    from snakemake.script import PythonScript

    start_interpreter = getattr(PythonScript.execute_script, "replaced", PythonScript.execute_script)

    def execute(job: Any, script: str, edit: bool = False) -> None:
        elsewhere = edit or job.conda_env or job.container_img or job.env_modules or job.shadow_dir
        if elsewhere or spec_of(job) is None:
            start_interpreter(job, script, edit)  # it needs another interpreter or folder, or is another workflow's
            return
        try:
            running = start(script)
        except OSError:
            start_interpreter(job, script)
            return
        with _measured(running.pid, job.bench_record):
            code = running.wait()
        if code == LOST:
            start_interpreter(job, script)  # it may run to its end meanwhile: both write the same
        elif code:
            raise subprocess.CalledProcessError(code, [sys.executable, script])

    execute.replaced = start_interpreter  # type: ignore[attr-defined]
    PythonScript.execute_script = execute


@contextmanager
def _measured(pid: int, record: Any) -> Iterator[None]:
    """Measures a process for Snakemake's benchmark file. Of one that has ended within milliseconds, only its time is known."""
    from snakemake.benchmark import benchmarked

    started = time.time()
    with ExitStack() as measuring:
        try:
            measuring.enter_context(benchmarked(pid, record))
        except psutil.NoSuchProcess:
            if record is not None:
                record.running_time = time.time() - started
        yield


def iterate_specs(jobs: list[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    """This workflow's own jobs among some, each with its spec."""
    for job in jobs:
        if (spec := spec_of(job)) is not None:
            yield job, spec
