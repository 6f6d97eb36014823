"""The insides of Snakemake that the library touches are what it takes them for, in builds by the real one.

If a test fails after an update of Snakemake, the docstring of workflow/snakemake_internals.py says what each use is for, and when
it may go.
"""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from snakemake import common

from helpers.working_folder import ROOT
from strata.workflow import snakemake_internals

DRIVER = """
import sys

sys.path.insert(0, {scripts!r})
from strata.workflow.forked_jobs import fork
from strata.workflow.snakemake_internals import run_scripts_by

if __name__ == "__main__":

    def start(script):
        if script.endswith("refused.py"):
            raise OSError("the process that forks scripts is gone")
        print("started", script.rpartition(".")[0].rpartition(".")[2], flush=True)
        return fork(script)

    run_scripts_by(start)
    from snakemake.cli import main

    main(sys.argv[1:])
"""

HOOKS = """
import threading
from strata.workflow import snakemake_internals as internals


def begin():
    jobs = internals.jobs_to_run(workflow)
    print("begin", *sorted(job.rule.name for job in jobs), flush=True)
    print("specs", *(spec["name"] for job, spec in internals.iterate_specs(jobs)), flush=True)


def succeed():
    timers = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    print("timers", len(timers), flush=True)
    internals.cancel_timers()
    for timer in timers:
        timer.join(30)
    print("succeed", any(timer.is_alive() for timer in timers), flush=True)


internals.on_build(workflow, begin, succeed, lambda: print("fail", flush=True))
print("folder", internals.folder_of_snakefile(workflow), flush=True)
print("results", internals.results_folder(workflow), flush=True)
print("config file", internals.reads_configfile(workflow, "config.yaml"), flush=True)
print("on node", internals.is_on_node(workflow), flush=True)
print("jobs here", internals.runs_jobs_here(workflow), flush=True)
print("one environment", internals.has_one_environment(workflow), flush=True)
internals.provide_devices(workflow, 2)
print("devices", workflow.global_resources["gpu"].value, flush=True)
"""

THEIRS = """
onstart:
    print("their start", flush=True)


onsuccess:
    print("their success", flush=True)


onerror:
    print("their error", flush=True)
"""

RULES = """
rule painted:
    output:
        "results/painted.txt",
    benchmark:
        "painted.tsv"
    params:
        spec={"name": "layer", "code": ""},
    script:
        "painted.py"
"""

RULE_OF_ANOTHER = """
rule refused:
    input:
        "results/painted.txt",
    output:
        "results/refused.txt",
    params:
        spec={"name": "of another workflow"},
    script:
        "refused.py"

"""

SCRIPT = "from pathlib import Path\nPath(snakemake.output[0]).write_text(snakemake.rule)\n"

Build = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def build(tmp_path) -> Build:
    """Builds by Snakemake in a process of its own. Returns its exit code, and what the Snakefile and the driver printed."""
    (tmp_path / "driver.py").write_text(DRIVER.format(scripts=str(ROOT / "scripts")))
    for name in ("painted", "refused"):
        (tmp_path / f"{name}.py").write_text(SCRIPT)

    def run(snakefile: str, target: str) -> tuple[int, list[str]]:
        (tmp_path / "Snakefile").write_text(snakefile)
        command = [sys.executable, "driver.py", target, "--cores", "1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        print(done.stderr, done.stdout)  # pytest shows it if the test fails
        return done.returncode, done.stdout.splitlines()

    return run


def test_the_version_is_the_one_that_this_was_written_for():
    written_for = re.search(r"Written for Snakemake (\d+\.\d+)\.", snakemake_internals.__doc__)
    assert written_for[1] == ".".join(version("snakemake").split(".")[:2])


def test_every_use_is_explained():
    """Each function whose name stands at the beginning of a line of the docstring is there, and says when it may go."""
    explained = re.findall(
        r"^(\w+)\(\)(?: and (\w+)\(\))? .*\n((?:    .*\n)+)", snakemake_internals.__doc__, re.MULTILINE
    )
    names = {name for *names, _ in explained for name in names if name}
    assert {
        "on_build",
        "arrange_jobs",
        "results_folder",
        "reads_configfile",
        "jobs_to_run",
        "spec_of",
        "list_no_jobs_of_dry_runs",
        "name_parameters",
        "check_each_script_once",
        "cancel_timers",
        "run_scripts_by",
    } <= names
    assert all(callable(getattr(snakemake_internals, name)) for name in names)
    assert all("May go when" in text for *_, text in explained)


def test_a_build_of_a_main_snakefile(build, tmp_path):
    code, said = build(HOOKS + THEIRS + RULES + RULE_OF_ANOTHER, "results/refused.txt")
    assert code == 0
    assert [line for line in said if not line.startswith("timers")] == [
        f"folder {tmp_path}",
        "results results/",
        "config file True",
        "on node False",
        "jobs here True",
        "one environment True",
        "devices 2",
        "begin painted refused",
        "specs layer",  # the other is no job of this workflow
        "their start",
        "started painted",  # what is refused is started by Snakemake
        "succeed False",
        "their success",
    ]
    assert (tmp_path / "results/painted.txt").read_text() == "painted"
    assert (tmp_path / "results/refused.txt").read_text() == "refused"
    measured, values = (line.split("\t") for line in (tmp_path / "painted.tsv").read_text().splitlines())
    assert float(dict(zip(measured, values, strict=True))["s"]) > 0


def test_snakemake_leaves_timers_behind(build):
    """Where it does not, cancel_timers() may go. On a busy machine the last job may outlast its timer of a second."""

    def leaves_one(number: int) -> bool:
        said = build(HOOKS + RULES.replace("painted.txt", f"painted{number}.txt"), f"results/painted{number}.txt")[1]
        return any(int(line.split()[1]) > 0 for line in said if line.startswith("timers"))

    assert any(leaves_one(number) for number in range(5))


@pytest.mark.parametrize(("asked", "listed"), [("internals.list_no_jobs_of_dry_runs(workflow)\n", False), ("", True)])
def test_a_dry_run_lists_its_jobs_only_where_it_was_not_asked_not_to(build, capsys, asked, listed):
    code, _ = build(f"from strata.workflow import snakemake_internals as internals\n{asked}{RULES}", "--dry-run")
    assert code == 0
    said = capsys.readouterr().out
    assert ("rule painted:" in said) is listed
    assert "This was a dry-run" in said


COUNTED = """
from snakemake import script
from strata.workflow import snakemake_internals as internals

read = script.get_source
script.get_source = lambda *given: print("reads", given[0], flush=True) or read(*given)
{asked}


rule all:
    input:
        expand("{{kind}}{{number}}.txt", kind=["same", "own"], number=[1, 2]),


rule same:
    output:
        "same{{number}}.txt",
    script:
        "painted.py"


rule own:
    output:
        "own{{number}}.txt",
    script:
        "own{{wildcards.number}}.py"


"""


@pytest.mark.parametrize(("asked", "reads"), [("internals.check_each_script_once()", 1), ("", 2)])
def test_a_script_is_looked_at_once_for_all_its_jobs(build, tmp_path, asked, reads):
    """But each one whose name differs from job to job. Where Snakemake looks once, check_each_script_once() may go."""
    (tmp_path / "own1.py").write_text(SCRIPT)
    code, said = build(COUNTED.format(asked=asked), "--dry-run")
    assert code == 1  # there is no own2.py
    (tmp_path / "own2.py").write_text(SCRIPT)
    code, said = build(COUNTED.format(asked=asked), "--dry-run")
    assert code == 0
    assert sum("painted.py" in line for line in said) == reads
    assert sum("own{wildcards.number}.py" in line for line in said) == 2


def test_a_script_that_is_gone_is_missed_before_a_job_runs(build, tmp_path):
    (tmp_path / "painted.py").unlink()
    asked = "from strata.workflow import snakemake_internals as internals\n\ninternals.check_each_script_once()\n"
    assert build(asked + RULES, "--dry-run")[0] == 1


def test_snakemake_looks_at_no_signature_of_a_function_whose_parameters_are_named(monkeypatch):
    """Where it does, name_parameters() no longer helps."""

    def ask(wildcards):
        return wildcards

    snakemake_internals.name_parameters(ask, "wildcards")
    monkeypatch.setattr(inspect, "signature", None)
    assert list(common.get_function_params(ask)) == ["wildcards"]
    candidates = {"wildcards": 1, "input": 2}
    assert common.get_input_function_aux_params(ask, candidates) == {"wildcards": 1}


def test_hooks_may_come_before_or_after_those_of_the_snakefile(build, tmp_path):
    code, said = build(THEIRS + HOOKS + RULES, "results/painted.txt")
    assert code == 0
    ends = [line for line in said if line.split()[0] in ("begin", "their", "succeed", "fail")]
    assert ends == ["begin painted", "their start", "succeed False", "their success"]


def test_a_script_whose_end_is_not_learned_is_started_by_snakemake(build, tmp_path):
    """The process that forks scripts is killed by one of them."""
    killing = (
        "import os, signal, time\nfrom pathlib import Path\n"
        "if not Path('killed').exists():\n"
        "    Path('killed').touch()\n    os.kill(os.getppid(), signal.SIGKILL)\n    time.sleep(1)\n"
    )
    (tmp_path / "painted.py").write_text(killing + SCRIPT)
    code, _ = build(RULES, "results/painted.txt")
    assert code == 0
    assert (tmp_path / "killed").exists()
    assert (tmp_path / "results/painted.txt").read_text() == "painted"


def test_a_script_that_ends_before_it_is_measured_is_a_job_like_others(build, tmp_path):
    """The process that forks a script takes it away as soon as it ends, so that there may be no such process any more."""
    driver = tmp_path / "driver.py"
    driver.write_text(
        driver.read_text().replace("return fork(script)", "script = fork(script); script.wait(); return script")
    )
    code, _ = build(RULES, "results/painted.txt")
    assert code == 0
    assert (tmp_path / "results/painted.txt").read_text() == "painted"
    header, figures = (tmp_path / "painted.tsv").read_text().splitlines()
    assert float(figures.split("\t")[header.split("\t").index("s")]) >= 0


def test_a_script_that_fails_fails_its_job(build, tmp_path):
    (tmp_path / "painted.py").write_text("raise SystemExit(3)\n")
    code, said = build(HOOKS + THEIRS + RULES, "results/painted.txt")
    assert code == 1
    assert [line for line in said if line.split()[0] in ("started", "succeed", "fail", "their")] == [
        "their start",
        "started painted",
        "fail",
        "their error",
    ]


def test_a_build_of_a_module(build, tmp_path):
    (tmp_path / "inner").mkdir()
    Path(tmp_path / "inner/Snakefile").write_text(HOOKS + THEIRS.replace("their", "its own") + RULES)
    (tmp_path / "painted.py").rename(tmp_path / "inner/painted.py")
    outer = """
module strata:
    snakefile:
        "inner/Snakefile"
    prefix:
        "desert"
    config:
        {"given": True}


use rule * from strata as strata_*
"""
    code, said = build(outer + THEIRS, "desert/results/painted.txt")
    assert code == 0
    assert [line for line in said if not line.startswith("timers")] == [
        f"folder {tmp_path}/inner",
        "results desert/results/",
        "config file False",
        "on node False",
        "jobs here True",
        "one environment True",
        "devices 2",
        "begin strata_painted",
        "specs layer",
        "their start",  # those of a module itself are ignored: where they are not, on_build() may go
        "started painted",
        "succeed False",
        "their success",
    ]


@pytest.mark.parametrize("need", ["edit", "conda_env", "container_img", "env_modules", "shadow_dir"])
def test_a_script_that_needs_another_interpreter_or_folder_is_started_by_snakemake(monkeypatch, need):
    from snakemake.script import PythonScript, ScriptBase

    by_snakemake, by_us = [], []
    monkeypatch.setattr(PythonScript, "execute_script", lambda job, script, edit=False: by_snakemake.append(script))
    snakemake_internals.run_scripts_by(by_us.append)
    job = PythonScript.__new__(PythonScript)
    known = inspect.signature(ScriptBase.__init__).parameters
    for name in ("conda_env", "container_img", "env_modules", "shadow_dir", "bench_record"):
        assert name in known
        setattr(job, name, "needed" if name == need else None)
    job.execute_script("script.py", edit=need == "edit")
    assert (by_snakemake, by_us) == (["script.py"], [])


MODELS = """
from strata.workflow import snakemake_internals as internals

internals.on_build(
    workflow, lambda: internals.arrange_jobs(workflow, lambda spec: spec.get("model")), lambda: None, lambda: None
)


rule all:
    input:
        "a.txt", "c.txt", "mask.txt",


rule:
    output:
        "{job,[ab]}.txt",
    params:
        spec=lambda wildcards: {"code": "", "model": {"a": "one", "b": "two"}[wildcards.job]},
    shell:
        "echo {wildcards.job} | tee -a order.log > {output}"


rule:
    input:
        "b.txt",
    output:
        "c.txt",
    params:
        spec={"code": "", "model": "one"},
    shell:
        "echo c | tee -a order.log > {output}"


rule:
    output:
        "mask.txt",
    params:
        spec={"code": ""},
    shell:
        "echo mask | tee -a order.log > {output}"
"""


def test_jobs_run_in_the_order_that_loads_the_fewest_models(build, tmp_path):
    code, _ = build(MODELS, "all")
    assert code == 0
    assert (tmp_path / "order.log").read_text().split() in (["mask", "b", "a", "c"], ["mask", "b", "c", "a"])
