"""What the tests of single modules share."""

import pytest

from helpers.working_folder import scene


@pytest.fixture
def config(models, tmp_path, monkeypatch) -> dict:
    """The config of the tiny scene. The working directory is an empty folder."""
    monkeypatch.chdir(tmp_path)
    return scene(models)
