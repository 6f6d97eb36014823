"""`strata diff` between pictures, scenes, variations and commits."""

import json
import subprocess

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def varied(built):
    built.build("results/fog.opacity~0.6/final.png")
    return built


def diff(folder, *arguments: str) -> str:
    done = folder.strata("diff", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_scene_and_its_variation_as_text_json_picture_and_page(varied):
    said = diff(varied, "config.yaml", "fog.opacity~0.6")
    assert "composite.layers.fog.opacity: 0.3 -> 0.6" in said
    assert "layer" not in said.replace("composite.layers", "")
    assert "picture: largest " in said

    files = ["results/final.png", "results/fog.opacity~0.6/final.png"]
    told = json.loads(diff(varied, *files, "--json", "--picture", "d.png", "--page", "d.html"))
    pictures = [np.asarray(Image.open(varied.folder / file).convert("RGB")).astype(int) for file in files]
    difference = np.abs(pictures[0] - pictures[1])
    assert told["picture"]["largest"] == difference.max()
    assert told["picture"]["mean"] == pytest.approx(difference.mean(), abs=1e-3)
    assert [key["key"] for key in told["keys"]] == ["composite.layers.fog.opacity"]
    drawn = np.asarray(Image.open(varied.folder / "d.png"))
    assert drawn.max() == 255
    assert (drawn > 0).any(axis=2).sum() == (difference > 0).any(axis=2).sum()
    assert 'id="split"' in (varied.folder / "d.html").read_text()


def test_commits_are_sides_too(built):
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=built.folder, check=True
        )

    git("init", "-q")
    git("add", "config.yaml")
    git("commit", "-qm", "first")
    git("commit", "-qm", "second", "--allow-empty")
    same = diff(built, "HEAD~1", "config.yaml")
    assert same.strip() == "The picture of HEAD~1 is not built."  # and it has the same layers, built or not
    assert diff(built, "HEAD~1:config.yaml", "fog.opacity~0.6").startswith("composite.layers.fog.opacity: 0.3 -> 0.6")
    built.edit("background.seed", 5)
    said = diff(built, "HEAD", "config.yaml")
    assert "background.seed: 77 -> 5" in said
    assert "Nothing differs" not in said
    missing = built.strata("diff", "HEAD:scenes/none.yaml", "config.yaml")
    assert missing.returncode == 1
    assert "has no file scenes/none.yaml here" in missing.stdout
    for name in ("HEAD~7", "HEAD~7:scenes/night.yaml", "0123456"):
        missing = built.strata("diff", name, "config.yaml")
        assert missing.returncode == 1
        assert f"There is no commit {name.partition(':')[0]} here." in missing.stdout


def test_no_file_of_another_kind_is_written_over(built):
    before = (built.folder / "config.yaml").read_bytes()
    for option, ending in (("--picture", ".png"), ("--page", ".html")):
        done = built.strata("diff", "config.yaml", "fog.opacity~0.6", option, "config.yaml")
        assert done.returncode == 1
        assert f"{option} is config.yaml, but must end in {ending}" in done.stdout
    assert (built.folder / "config.yaml").read_bytes() == before


@pytest.mark.parametrize("side", ["nothing", "--output=x", "../etc", "zz.seed~1", "config.yaml/x"])
def test_what_is_nothing_is_a_sentence(built, side):
    done = built.strata("diff", "config.yaml", "--", side)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout
    assert done.stdout.rstrip().endswith(".")
    assert not (built.folder / "x").exists()


def test_a_picture_that_says_nothing_is_compared_by_its_pixels(built):
    Image.new("RGB", (96, 64)).save(built.folder / "black.png")
    said = diff(built, "black.png", "results/final.png")
    assert "black.png says nothing about its scene." in said
    assert "picture: largest " in said
