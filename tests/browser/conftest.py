"""Chromium, once for all tests of a process; without it they are skipped. And the studio of a scene that is built."""

import shutil
from pathlib import Path

import pytest

from helpers import chromium
from helpers.studio import PATIENCE, RunningStudio, build, write_scene
from helpers.studio_page import StudioPage


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)
            if chromium.CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed"))


@pytest.fixture(scope="module")  # no longer: the event loop of Playwright would be met by other tests
def browser():
    with chromium.opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def built_once(tmp_path_factory) -> Path:
    """The scene, built by a plain Snakemake."""
    folder = write_scene(tmp_path_factory.mktemp("studio") / "built")
    build(folder)
    return folder


@pytest.fixture
def folder(built_once, tmp_path) -> Path:
    return shutil.copytree(built_once, tmp_path / "scene", symlinks=True)


@pytest.fixture
def studio(folder):
    running = RunningStudio(folder)
    yield running
    running.end()


@pytest.fixture
def tab(browser, studio):
    context = browser.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(1000 * PATIENCE)
    yield StudioPage(context, studio)
    context.close()
