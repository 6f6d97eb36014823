"""The way to the worker: who shares one, and when one is of another version."""

import subprocess
import sys

from helpers.working_folder import ROOT
from strata.painting import worker_client


def test_each_allocation_has_a_worker_of_its_own(monkeypatch):
    sockets = {worker_client.find_socket()}
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    sockets.add(worker_client.find_socket())
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    sockets.add(worker_client.find_socket())
    assert len(sockets) == 3


def test_the_version_knows_what_decides_a_pass():
    plain = worker_client.digest_version({})
    assert worker_client.digest_version({"OMP_NUM_THREADS": "1", "LANG": "de"}) == plain
    assert worker_client.digest_version({"HF_HOME": "/models"}) != plain


def test_the_version_knows_the_source_of_the_library(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("1\n")
    monkeypatch.setattr(worker_client, "LIBRARY", tmp_path)
    before = worker_client.digest_version({})
    (tmp_path / "a.py").write_text("2\n")
    assert worker_client.digest_version({}) != before


def test_a_job_that_hands_its_pass_over_imports_nothing_heavy():
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
import strata.painting.worker_client, strata.painting.paint, strata.workflow.job
print(*sorted({{"torch", "diffusers", "transformers", "PIL", "numpy", "snakemake"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == []
