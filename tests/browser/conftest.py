"""Chromium, once for all tests of a process; without it they are skipped."""

from pathlib import Path

import pytest

from helpers import chromium


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
