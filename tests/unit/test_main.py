"""The command `strata`: its verbs, and what each takes."""

import subprocess
import sys

import pytest

import strata
from helpers.working_folder import ROOT
from strata.commands.main import FOR_SNAKEMAKE, VERBS, main
from strata.installation import LIBRARY


def test_every_verb_has_its_module_and_says_what_it_does(capsys):
    modules = {path.stem for path in (LIBRARY / "commands").glob("*.py")} - {"__init__", "main"}
    assert VERBS.keys() == modules
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert all(verb in said for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    assert f"strata {verb}" in capsys.readouterr().out


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"strata {strata.__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["paint"], *([verb, "--nonsense"] for verb in VERBS if verb not in FOR_SNAKEMAKE)]
)
def test_what_it_does_not_know_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: strata" in capsys.readouterr().err


def test_the_module_is_the_command_too(tmp_path):
    command = [sys.executable, "-m", "strata", "--version"]
    done = subprocess.run(command, cwd=ROOT / "scripts", capture_output=True, text=True, timeout=60)
    assert done.stdout == f"strata {strata.__version__}\n"
