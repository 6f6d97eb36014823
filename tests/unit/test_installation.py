"""Where the workflow's own files lie, and whose library the processes of a build import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.working_folder import ROOT
from strata.installation import LIBRARY, SCHEMAS, SCRIPTS, WORKFLOW


def test_a_checkout_has_its_own_files():
    assert ROOT == WORKFLOW
    assert (WORKFLOW / "Snakefile").is_file()
    assert (SCHEMAS / "scene.schema.yaml").is_file()
    assert (SCRIPTS / "paint.py").is_file()
    assert SCRIPTS / "strata" == LIBRARY


PROGRAM = f"""
import os, sys
sys.path.insert(0, {str(LIBRARY.parent)!r})
from strata.installation import claim_imports
claim_imports()
claim_imports()
print(os.environ.get("PYTHONPATH"))
"""


@pytest.mark.parametrize("installed", [False, True])
def test_another_library_that_is_installed_is_not_imported_by_jobs(tmp_path, installed):
    other = tmp_path / "site"
    other.mkdir()
    if installed:
        (other / "strata").mkdir()
        (other / "strata/__init__.py").touch()
    environment = os.environ | {"PYTHONPATH": str(other)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=60)
    expected = [LIBRARY.parent, other] if installed else [other]
    assert list(map(Path, done.stdout.strip().split(os.pathsep))) == expected
