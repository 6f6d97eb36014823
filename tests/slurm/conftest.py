"""One Slurm for all tests here."""

import shutil
import tempfile
from pathlib import Path

import pytest

from helpers.slurm_cluster import Cluster


@pytest.fixture(scope="session")
def cluster():
    if why := Cluster.missing():
        pytest.skip(why)
    folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
    cluster = Cluster(folder)
    yield cluster
    cluster.stop()
    shutil.rmtree(folder)
