"""Scenes through a real Slurm. What is asserted of its jobs is what Slurm itself has on record."""

import itertools
import shutil

import pytest
from cluster import layers, until

from workshop import ROOT, Workshop

pytestmark = pytest.mark.slurm

SCENES = [f"s{number}" for number in range(9)]  # and the config itself
TOGETHER = 2  # scenes in an allocation


@pytest.fixture(scope="module")
def built(cluster, models, tmp_path_factory):
    """Ten tiny scenes and the default one, built side by side through Slurm."""
    tiny = Workshop(tmp_path_factory.mktemp("ten"), models)
    for number, name in enumerate(SCENES):
        seeds = {
            "background": {"seed": number},
            "subjects": {"rover": {"seed": number}},
            "effects": {"fog": {"seed": number}},
        }
        tiny.write(seeds, f"scenes/{name}.yaml")
    folder = tmp_path_factory.mktemp("default")
    shutil.copy(ROOT / "config.yaml", folder)
    default = Workshop(folder, folder)
    builds = [
        cluster.build(tiny, "--group-components", f"scene={TOGETHER}"),
        cluster.build(default, "results/final.png"),
    ]
    for build, workshop in zip(builds, (tiny, default), strict=True):
        assert build.wait(500) == 0, (workshop.folder / "said").read_text()
    return tiny, default


def test_the_bytes_are_those_of_a_local_build(built, tmp_path):
    for workshop in built:
        folder = tmp_path / workshop.folder.name
        shutil.copytree(workshop.folder, folder, ignore=shutil.ignore_patterns("results", "logs", ".*"))
        local = Workshop(folder, folder)
        local.build("all" if workshop is built[0] else "results/final.png", "--cores", "2")
        assert local.bytes() == workshop.bytes()


def test_there_is_nothing_left_to_do_here_or_there(built):
    for workshop in built:
        target = "all" if workshop is built[0] else "results/final.png"
        assert "Nothing to be done" in workshop.build(target, "--workflow-profile", "slurm")
        assert "Nothing to be done" in workshop.build(target)


def test_a_group_is_one_allocation(cluster, built):
    tiny, default = built
    assert [job.state for job in (*cluster.jobs(tiny), *cluster.jobs(default))] == ["COMPLETED"] * 6
    made = layers(tiny)
    assert len(made) == (len(SCENES) + 1) / TOGETHER
    assert {len(names) for names in made.values()} == {TOGETHER * 7}
    assert sorted(itertools.chain(*made.values())) == sorted(
        name.removesuffix(".png") for name in tiny.bytes() if name.endswith(".png")
    )


def test_each_pass_held_its_gpu(cluster, built):
    devices = cluster.devices()
    for workshop in built:
        jobs = {job.number: job for job in cluster.jobs(workshop)}
        for number, names in layers(workshop).items():
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
    assert len(held[("gpu1", "0")]) >= 2  # the node with one GPU had several
    for times in held.values():
        assert all(one[1] <= other[0] for one, other in itertools.pairwise(sorted(times)))


def test_one_worker_served_an_allocation_and_went_with_it(cluster, built):
    assert cluster.workers() >= 6
    for workshop in built:
        assert "paints by itself" not in (workshop.folder / "said").read_text()
        for log in workshop.folder.glob("logs/**/*.log"):
            assert "worker" not in log.read_text()  # nothing went wrong with it
        until(lambda workshop=workshop: not cluster.processes(workshop))
