"""Scenes through a real Slurm. What is asserted of its jobs is what Slurm itself has on record."""

import itertools
import shutil

import pytest

from helpers.slurm_cluster import layers, until
from helpers.working_folder import ROOT, WorkingFolder

pytestmark = pytest.mark.slurm

SCENES = [f"s{number}" for number in range(5)]  # and the config itself
TOGETHER = 2  # scenes in an allocation
ALLOCATIONS = (len(SCENES) + 1) // TOGETHER + 1  # with that of the default scene: more than there are GPUs


@pytest.fixture(scope="module")
def built(cluster, models, tmp_path_factory):
    """Six tiny scenes and the default one, which is refined, built side by side through Slurm."""
    tiny = WorkingFolder(tmp_path_factory.mktemp("six"), models)
    for number, name in enumerate(SCENES):
        seeds = {
            "background": {"seed": number},
            "subjects": {"rover": {"seed": number}},
            "effects": {"fog": {"seed": number}},
        }
        tiny.write(seeds, f"scenes/{name}.yaml")
    folder = tmp_path_factory.mktemp("default")
    shutil.copy(ROOT / "config.yaml", folder)
    default = WorkingFolder(folder, folder)
    default.edit("refine", {"prompt": "a desert at golden hour", "strength": 0.2, "steps": 10})
    builds = [
        cluster.build(tiny, "--group-components", f"scene={TOGETHER}"),
        cluster.build(default, "results/final.png"),
    ]
    for build, working_folder in zip(builds, (tiny, default), strict=True):
        assert build.wait(500) == 0, (working_folder.folder / "said").read_text()
    return tiny, default


def test_the_bytes_are_those_of_a_local_build(built, tmp_path):
    for working_folder in built:
        folder = tmp_path / working_folder.folder.name
        shutil.copytree(working_folder.folder, folder, ignore=shutil.ignore_patterns("results", "logs", ".*"))
        local = WorkingFolder(folder, folder)
        local.build("all" if working_folder is built[0] else "results/final.png", "--cores", "2")
        assert local.bytes() == working_folder.bytes()


def test_there_is_nothing_left_to_do_here_or_there(built):
    for working_folder in built:
        target = "all" if working_folder is built[0] else "results/final.png"
        assert "Nothing to be done" in working_folder.build(target, "--workflow-profile", "slurm")
        assert "Nothing to be done" in working_folder.build(target)


def test_a_group_is_one_allocation(cluster, built):
    tiny, default = built
    assert [job.state for job in (*cluster.jobs(tiny), *cluster.jobs(default))] == ["COMPLETED"] * ALLOCATIONS
    made = layers(tiny)
    assert len(made) == ALLOCATIONS - 1
    assert {len(names) for names in made.values()} == {TOGETHER * 7}
    assert sorted(itertools.chain(*made.values())) == sorted(
        name.removesuffix(".png") for name in tiny.bytes() if name.endswith(".png")
    )


def test_each_pass_held_its_gpu(cluster, built):
    devices = cluster.devices()
    for working_folder in built:
        jobs = {job.number: job for job in cluster.jobs(working_folder)}
        for number, names in layers(working_folder).items():
            assert any(name.endswith("background") for name in names)
            assert jobs[number].gpus == 1
            assert jobs[number].node in ("gpu1", "gpu2")
            assert len(devices[number]) == 1  # the same for its steps
            assert devices[number] <= {"0", "1"}


def test_no_two_allocations_had_a_device_at_a_time(cluster, built):
    devices = cluster.devices()
    held = {}
    for job in itertools.chain(*map(cluster.jobs, built)):
        held.setdefault((job.node, *devices[job.number]), []).append((job.started, job.ended))
    assert len(held) <= 3 < sum(map(len, held.values()))  # so that some device had several
    for times in held.values():
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(sorted(times)))


def test_one_worker_served_an_allocation_and_went_with_it(cluster, built):
    assert cluster.workers() >= ALLOCATIONS
    for working_folder in built:
        assert "paints by itself" not in (working_folder.folder / "said").read_text()
        for log in working_folder.folder.glob("logs/**/*.log"):
            assert "worker" not in log.read_text()  # nothing went wrong with it
        until(lambda working_folder=working_folder: not cluster.processes(working_folder))
