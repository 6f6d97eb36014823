"""Tiny models and one built scene, made once for all tests, whichever process runs them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from helpers.working_folder import ROOT, WorkingFolder

# The same examples in each run, so that a run tells of the change and not of luck. `--hypothesis-profile=random` looks for new ones.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("random", derandomize=False)
settings.load_profile("fixed")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One process more than there are cores, since some tests wait more than they compute, those of Slurm above all."""
    return len(os.sched_getaffinity(0)) + 1


FIRST = ("slurm", "browser", "judges", "workflow", "whole")
"""The folders with the files that take longest: begun last, one of them would keep the others waiting at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        folder = item.path.parent.name
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    items.sort(key=place)


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


@pytest.fixture(scope="session", autouse=True)
def machine(shared):
    """A folder for temporary files that stands for a machine: no worker and no lock of a user is met there.

    All tests share one worker, which loads the tiny models once. The last process of the run ends it.
    """
    folder = shared / "tmp"
    user = shared / "users" / str(os.getpid())
    with FileLock(shared / "users.lock"):
        for needed in (folder, user):
            needed.mkdir(parents=True, exist_ok=True)
    os.environ["TMPDIR"], tempfile.tempdir = str(folder), None
    yield folder
    with FileLock(shared / "users.lock"):
        user.rmdir()
        if not any(user.parent.iterdir()):
            subprocess.run(
                [sys.executable, "-m", "strata", "worker", "stop"], cwd=ROOT / "scripts", stdout=subprocess.DEVNULL
            )


@pytest.fixture(scope="session")
def models(shared) -> Path:
    """The folder of the tiny pipelines `text-to-image` and `inpainting`."""
    folder = shared / "models"
    with FileLock(shared / "models.lock"):
        if not folder.exists():
            from helpers import tiny_models

            tiny_models.text_to_image(folder / "text-to-image")
            tiny_models.inpainting(folder / "inpainting")
    return folder


@pytest.fixture(scope="session")
def models_of(shared):
    """Gives the folders of a tiny family's models, by its name: a mapping with the keys of the scene's `models`."""

    def save(name: str) -> dict[str, Path]:
        from helpers.tiny_families import FAMILIES

        with FileLock(shared / "families.lock"):
            return FAMILIES[name].save(shared / "families" / name)

    return save


@pytest.fixture(scope="session")
def vision_models(shared) -> Path:
    """The folder of the tiny models that look at pictures, by the names of their functions in tiny_vision."""
    folder = shared / "vision"
    with FileLock(shared / "vision.lock"):
        if not folder.exists():
            from helpers import tiny_vision

            for name in tiny_vision.MODELS:
                getattr(tiny_vision, name)(folder / name)
    return folder


@pytest.fixture
def builder(tmp_path, monkeypatch):
    """Builds scenes in this process, in an empty folder."""
    from helpers.in_process import SceneBuilder
    from helpers.tiny_families import shrink_canvases

    monkeypatch.chdir(tmp_path)
    shrink_canvases(monkeypatch)
    return SceneBuilder()


@pytest.fixture(scope="session")
def finished(shared, models) -> WorkingFolder:
    """The tiny scene, built. To be looked at and copied, not changed."""
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        working_folder = WorkingFolder(folder, models)
        if not (folder / "results/final.png").exists():
            working_folder.build()
    return working_folder


@pytest.fixture
def built(finished, tmp_path) -> WorkingFolder:
    """A copy of the built scene, to be edited and built again."""
    return finished.copy(tmp_path / "scene")


@pytest.fixture
def empty(models, tmp_path) -> WorkingFolder:
    """The tiny scene, not built."""
    return WorkingFolder(tmp_path / "scene", models)
