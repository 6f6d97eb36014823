"""The library as an installed package: what is in its wheel, and scenes built by it without the checkout."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from filelock import FileLock

import strata
from helpers.working_folder import ROOT, TIMEOUT, WorkingFolder

if "build-system" not in tomllib.loads((ROOT / "pyproject.toml").read_text()):
    pytest.skip("the library is no package yet", allow_module_level=True)

WORKFLOW = "strata/_workflow"


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(shared) -> Path:
    folder = shared / "wheel"
    with FileLock(shared / "wheel.lock"):
        if not folder.exists():
            pip("wheel", ".", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(shared, wheel) -> Path:
    """The folder that the wheel was installed into."""
    folder = shared / "installed"
    with FileLock(shared / "installed.lock"):
        if not folder.exists():
            pip("install", str(wheel), "--no-deps", "--no-index", "--target", str(folder))
    return folder


class InstalledFolder(WorkingFolder):
    """A working directory whose workflow is the installed one."""

    def __init__(self, folder: Path, models: Path, installed: Path):
        super().__init__(folder, models)
        self.installed = installed
        self.workflow = installed / WORKFLOW

    def run(self, command: list[str], **environment: str) -> subprocess.CompletedProcess:
        return super().run(command, **environment | {"PYTHONPATH": str(self.installed)})


@pytest.fixture
def folder(finished, installed, tmp_path) -> InstalledFolder:
    """A copy of the scene that the checkout built, for the installed workflow."""
    return InstalledFolder(finished.copy(tmp_path / "scene").folder, tmp_path, installed)


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def relative(*paths: Path) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in paths if path.is_file() and "__pycache__" not in path.parts}


def test_the_wheel_holds_the_library_and_the_workflow(wheel):
    names = names_in(wheel)
    pages = (ROOT / "scripts/strata/exports/page").iterdir()
    library = relative(*(ROOT / "scripts/strata").rglob("*.py"), *pages)
    assert {name.removeprefix("scripts/") for name in library} <= names
    workflow = {"Snakefile", *relative(*(ROOT / "scripts").glob("*.py"))}
    for folder in ("envs", "models", "profiles", "report", "schemas"):
        workflow |= relative(*(ROOT / folder).rglob("*"))
    assert {f"{WORKFLOW}/{name}" for name in workflow} <= names
    for name in ("schemas/scene.schema.yaml", "models/sd15.yaml", "models/embedded/text-to-image/model_index.json"):
        assert f"{WORKFLOW}/{name}" in names


def test_the_wheel_holds_nothing_else(wheel):
    names = names_in(wheel)
    assert {name.split("/")[0] for name in names} == {"strata", f"strata_workflow-{strata.__version__}.dist-info"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".part"))]
    assert not [name for name in names if name.startswith(f"{WORKFLOW}/scripts/strata/")]


def test_the_wheel_has_the_command_and_its_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = (name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert "strata = strata.commands.main:main" in archive.read(entry_points).decode()
        (licence,) = (name for name in archive.namelist() if name.endswith("LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_installed_command_runs(folder):
    command = str(folder.installed / "bin/strata")
    assert folder.run([command, "--version"]).stdout == f"strata {strata.__version__}\n"
    assert folder.run([command, "tidy"]).stdout == "Every file under results/ belongs to a scene.\n"


def test_what_the_checkout_built_the_package_does_not_build_again(folder):
    where = "import strata.installation as place; print(place.WORKFLOW)"
    assert folder.run([sys.executable, "-c", where]).stdout == f"{folder.workflow}\n"
    assert folder.planned() == set()


def test_the_package_builds_what_the_checkout_builds(models, finished, installed, tmp_path):
    folder = InstalledFolder(tmp_path / "scene", models, installed)
    folder.edit("runtime.worker", {"enabled": False})
    assert "results/final.png: " in folder.build()
    assert folder.bytes() == finished.bytes()
    assert "Nothing to be done" in folder.build()


def test_the_package_knows_the_presets_and_the_embedded_models(folder):
    folder.edit("models", None)
    assert "background" in folder.planned()
    folder.edit("preset", "sd15")
    folder.build("results/scene.yaml")
    assert "stable-diffusion-v1-5/stable-diffusion-v1-5" in (folder.folder / "results/scene.yaml").read_text()
