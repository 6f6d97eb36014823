"""What goes wrong on a cluster: a job is cancelled, runs into its limit, loses its node; the controller restarts; Ctrl-C.

All at once, in one build of three scenes and one of a fourth, since what takes long is to wait for Slurm.
"""

import json
import signal
import time

import pytest

from helpers.slurm_cluster import freeze, until
from helpers.working_folder import WorkingFolder

pytestmark = pytest.mark.slurm

STEPS = 300  # long enough to be met in the middle of a pass


@pytest.fixture(scope="module")
def faulty(cluster, models, tmp_path_factory):
    """Three scenes: the last pass of each hangs, and then its job is ended in three ways. All is well in the second try."""
    working_folder = WorkingFolder(tmp_path_factory.mktemp("faulty"), models)
    working_folder.edit("subjects.rover.steps", STEPS)
    for number, name in enumerate(("b", "c")):
        working_folder.write(
            {"background": {"seed": number}, "effects": {"fog": {"seed": number}}}, f"scenes/{name}.yaml"
        )
    build = cluster.build(working_folder, "--retries", "1")
    until(lambda: len(cluster.jobs(working_folder)) == 3)
    jobs = {job.number for job in cluster.jobs(working_folder)}
    frozen = {}
    while jobs - frozen.keys():
        assert build.poll() is None, (working_folder.folder / "said").read_text()
        for number, folder in scenes(working_folder).items():
            log = working_folder.folder / f"logs/{folder}subjects/rover.log"
            if number in jobs - frozen.keys() and log.exists() and "step" in log.read_text():
                freeze(cluster.processes(working_folder, number))
                frozen[number] = folder
        time.sleep(0.02)
    finished = {
        str(path.relative_to(working_folder.folder)) for path in (working_folder.folder / "results").rglob("*.png")
    }

    cluster.stop_controller()
    cluster.start_controller()
    until(lambda: {job.state for job in cluster.jobs(working_folder)} == {"RUNNING"})

    at = {job.node: job.number for job in cluster.jobs(working_folder)}
    losing = at.pop("gpu1")
    cancelled, limited = sorted(jobs - {losing})
    cluster.ask("scontrol", "update", f"JobId={limited}", "TimeLimit=1")
    cluster.ask("scancel", str(cancelled))
    cluster.ask("scontrol", "update", "NodeName=gpu1", "State=DOWN", "Reason=test")
    until(lambda: state(cluster, working_folder, losing) == "PENDING")
    cluster.ask("scontrol", "update", f"JobId={losing}", "StartTime=now")  # Slurm would let it wait for two minutes

    code = build.wait(500)
    cluster.ask("scontrol", "update", "NodeName=gpu1", "State=RESUME")
    assert code == 0, (working_folder.folder / "said").read_text()
    return working_folder, {"cancelled": cancelled, "limited": limited, "losing": losing}, finished


def scenes(working_folder: WorkingFolder) -> dict[int, str]:
    """The scene of each of Slurm's jobs, by the log that Slurm keeps: its folder."""
    found = {}
    for log in working_folder.folder.glob(".snakemake/slurm_logs/*/*.log"):
        for folder in ("b/", "c/"):
            if f"output: results/{folder}background.png" in log.read_text():
                found[int(log.stem)] = folder
        if "output: results/background.png" in log.read_text():
            found[int(log.stem)] = ""
    return found


def journal(working_folder: WorkingFolder) -> list[dict]:
    """What the last build made, and how."""
    return [json.loads(line) for line in (working_folder.folder / ".strata/build.jsonl").read_text().splitlines()]


def state(cluster, working_folder: WorkingFolder, number: int) -> str:
    return next(job.state for job in cluster.jobs(working_folder) if job.number == number)


def test_slurm_says_that_it_happened(cluster, faulty):
    working_folder, numbers, _ = faulty
    assert state(cluster, working_folder, numbers["cancelled"]) == "CANCELLED"
    assert state(cluster, working_folder, numbers["limited"]) == "TIMEOUT"
    # This one was queued again by Slurm, and not tried again by Snakemake.
    assert state(cluster, working_folder, numbers["losing"]) == "COMPLETED"
    assert len(cluster.jobs(working_folder)) == 3 + 2


def test_finished_layers_are_not_painted_again(faulty):
    working_folder, _, finished = faulty
    entries = journal(working_folder)
    painted = [entry["layer"] for entry in entries if entry["how"] == "painted"]
    assert len(painted) == len(set(painted))
    again = {entry["layer"] for entry in entries if entry["how"] in ("kept", "store")}
    passes = {path for path in finished if "masks" not in path and "final" not in path}
    assert len(passes) >= 3 * 2  # of each scene at least the background and the astronaut
    assert passes <= set(painted) & again


def test_the_build_ends_as_an_undisturbed_one(faulty, models, tmp_path):
    working_folder = faulty[0]
    local = WorkingFolder(tmp_path / "local", models)
    local.write(working_folder.config)
    for name in ("b", "c"):
        (local.folder / "scenes").mkdir(exist_ok=True)
        (local.folder / f"scenes/{name}.yaml").write_text((working_folder.folder / f"scenes/{name}.yaml").read_text())
    local.build("all")
    ours, theirs = working_folder.bytes(), local.bytes()
    assert ours == theirs
    assert "Nothing to be done" in working_folder.build("all")


def test_nothing_is_left_running(cluster, faulty):
    working_folder = faulty[0]
    until(lambda: not cluster.processes(working_folder))
    assert not list((working_folder.folder / "results").rglob(".*"))


def test_ctrl_c_cancels_and_keeps_what_is_finished(cluster, models, tmp_path):
    working_folder = WorkingFolder(tmp_path / "scene", models)
    working_folder.edit("subjects.rover.steps", 900)
    build = cluster.build(working_folder, "results/final.png")
    log = working_folder.folder / "logs/subjects/rover.log"
    until(lambda: build.poll() is not None or (log.exists() and "step" in log.read_text()))
    assert build.poll() is None, (working_folder.folder / "said").read_text()
    freeze(cluster.processes(working_folder))  # else the pass may end sooner than Slurm hears of it
    before = working_folder.bytes()
    build.send_signal(signal.SIGINT)
    until(lambda: not cluster.ask("squeue", "-h", "-o", "%Z", "-t", "R,PD,CG").count(str(working_folder.folder)))
    until(lambda: not cluster.processes(working_folder))
    assert build.wait(300) != 0
    assert [job.state for job in cluster.jobs(working_folder)] == ["CANCELLED"]
    assert before.items() <= working_folder.bytes().items()
    working_folder.edit("subjects.rover.steps", 3)
    working_folder.build()
    painted = {entry["layer"] for entry in journal(working_folder) if entry["how"] == "painted"}
    assert "results/subjects/rover.png" in painted
    assert not painted & {"results/background.png", "results/subjects/astronaut.png"}
