"""profiles/cluster-generic, with a submit command that runs jobs on this machine."""

import sys
from pathlib import Path

import pytest

from helpers.working_folder import ROOT, WorkingFolder

pytest.importorskip("snakemake_executor_plugin_cluster_generic", reason="needs requirements-cluster.txt")


def test_scenes_are_submitted_and_come_out_as_here(models, tmp_path):
    here, there = (WorkingFolder(tmp_path / name, models) for name in ("here", "there"))
    for working_folder in (here, there):
        working_folder.write({"background": {"seed": 5}}, "scenes/other.yaml")
    here.build("all")

    asked = tmp_path / "asked"
    command = f"{Path(__file__).parent / 'submit'} {asked} {{resources.gpu}} {{resources.mem_mb}} {{resources.runtime}}"
    profile = ("--workflow-profile", "cluster-generic", "--cluster-generic-submit-cmd", command)
    said = there.run([sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), *profile])
    assert said.returncode == 0, said.stdout
    assert there.bytes() == here.bytes()
    # A scene is one job, with one GPU, the memory of its widest moment, and the time of its passes one after the other.
    gpus, memory, minutes = zip(*(line.split() for line in asked.read_text().splitlines()), strict=True)
    assert gpus == ("1", "1")
    assert all(int(megabytes) >= 8000 for megabytes in memory)
    assert all(int(time) >= 4 * 20 for time in minutes)
    assert "Nothing to be done" in there.build("all")
