"""The forge from end to end, on settings so small that nothing is learned: its wiring, and the form of what it makes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def forge(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run the forge with everything that it makes below `folder`."""
    places = [f"{name}={folder / name}" for name in ("build", "models", "results")]
    command = [sys.executable, "-m", "snakemake", "-s", ROOT / "forge/Snakefile", "--cores", "2", "-d", folder]
    command += [*arguments, "--config", f"settings={ROOT / 'forge/tiny.yaml'}", *places]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_forge_makes_two_pipelines_and_judges_them(tmp_path):
    made = forge(tmp_path)
    assert made.returncode == 0, made.stderr[-3000:]
    models = tmp_path / "models"
    for part in ("tokenizer", "text_encoder", "vae"):
        assert (models / "inpainting" / part).readlink() == Path("../text-to-image") / part
    assert not list(models.rglob("*.bin"))
    assert "golden hour" in (models / "README.md").read_text()
    figures = json.loads((tmp_path / "results/evaluation.json").read_text())
    assert 0 <= figures["text-to-image"]["right"]["time"] <= 1
    assert (tmp_path / "results/sheets/inpainting.jpg").exists()

    again = forge(tmp_path, "--dry-run")
    assert "Nothing to be done" in again.stdout + again.stderr
