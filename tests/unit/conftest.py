"""What the tests of single modules share."""

import pytest

from helpers.working_folder import scene


@pytest.fixture
def config(models, tmp_path, monkeypatch) -> dict:
    """The config of the tiny scene. The working directory is an empty folder."""
    monkeypatch.chdir(tmp_path)
    return scene(models)


@pytest.fixture
def describe(tmp_path):
    """Writes a file in scenes/."""

    def write(name: str, text: str) -> None:
        (tmp_path / "scenes").mkdir(exist_ok=True)
        (tmp_path / f"scenes/{name}.yaml").write_text(text)

    return write
