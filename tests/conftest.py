"""Tiny models and one built scene, made once for all tests, whichever process runs them."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT), str(ROOT / "tests")]

from workshop import Workshop  # noqa: E402


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
            subprocess.run([sys.executable, str(ROOT / "scripts/worker.py"), "stop"], stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def models(shared) -> Path:
    """The folder of the tiny pipelines `text-to-image` and `inpainting`."""
    folder = shared / "models"
    with FileLock(shared / "models.lock"):
        if not folder.exists():
            import tiny

            tiny.text_to_image(folder / "text-to-image")
            tiny.inpainting(folder / "inpainting")
    return folder


@pytest.fixture(scope="session")
def models_of(shared):
    """Gives the folders of a tiny family's models, by its name: a mapping with the keys of the scene's `models`."""

    def save(name: str) -> dict[str, Path]:
        from tiny_families import FAMILIES

        with FileLock(shared / "families.lock"):
            return FAMILIES[name].save(shared / "families" / name)

    return save


@pytest.fixture
def studio(tmp_path, monkeypatch):
    """Builds scenes in this process, in an empty folder."""
    from studio import Studio

    monkeypatch.chdir(tmp_path)
    return Studio()


@pytest.fixture(scope="session")
def finished(shared, models) -> Workshop:
    """The tiny scene, built. To be looked at and copied, not changed."""
    folder = shared / "finished"
    with FileLock(shared / "finished.lock"):
        workshop = Workshop(folder, models)
        if not (folder / "results/final.png").exists():
            workshop.build()
    return workshop


@pytest.fixture
def built(finished, tmp_path) -> Workshop:
    """A copy of the built scene, to be edited and built again."""
    return finished.copy(tmp_path / "scene")


@pytest.fixture
def empty(models, tmp_path) -> Workshop:
    """The tiny scene, not built."""
    return Workshop(tmp_path / "scene", models)
