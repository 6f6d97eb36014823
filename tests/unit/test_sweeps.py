"""Sweeps: cells, folders, contact sheets, and picking one."""

import subprocess
import sys

import pytest
import yaml
from PIL import Image

from strata.imaging import contact_sheets
from strata.errors import StrataError
from strata.scene.scenes import Scenes
from strata.schema import Schema
from strata.scene.sweeps import Sweep
from strata.scene.variations import assignments
from workshop import ROOT
from workshop import scene as tiny_scene


def sweep(**described) -> Sweep:
    return Sweep("tries", Schema("sweeps").complete({"tries": described}, "config")["tries"])


@pytest.mark.parametrize(
    ("described", "folders", "columns"),
    [
        (
            {"keys": {"background.seed": {"from": 1, "to": 3}}},
            ["background.seed~1/", "background.seed~2/", "background.seed~3/"],
            2,
        ),
        (
            {"keys": {"background.seed": [1, 2], "fog.opacity": [0.1, 0.5, 1]}},
            [f"background.seed~{seed},fog.opacity~{opacity}/" for seed in (1, 2) for opacity in (0.1, 0.5, 1)],
            3,
        ),
        (
            {"keys": {"background.seed": [1, 2], "fog.opacity": [0.1, 0.5]}, "how": "zip", "scene": "night"},
            ["night/background.seed~1,fog.opacity~0.1/", "night/background.seed~2,fog.opacity~0.5/"],
            2,
        ),
        (
            {"keys": {"background.prompt": ["a sea", "on"]}, "columns": 1},
            ["background.prompt~a sea/", "background.prompt~'on'/"],
            1,
        ),
    ],
)
def test_cells_are_folders_of_variations(described, folders, columns):
    made = sweep(**described)
    assert made.folders() == folders
    assert made.columns == columns
    parsed = [dict(assignments(folder.rstrip("/").rpartition("/")[2])) for folder in folders]
    assert parsed == made.cells()


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"keys": {"a.b": {"from": 3, "to": 1}}}, "tries.keys.a.b runs from 3 down to 1"),
        ({"keys": {"a.b": [1], "c.d": [1, 2]}, "how": "zip"}, r"zips lists of different lengths \(a.b 1, c.d 2\)"),
        ({"keys": {"a.b": ["x/y"]}}, "values that cannot be a folder's name"),
        ({"keys": {"a.b": {"from": 1}}}, "keys.a.b.to is missing"),
        ({"keys": {}}, "keys is {}, but must be"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(described, said):
    with pytest.raises(StrataError, match=said):
        sweep(**described).folders()


def test_a_sheet_shows_every_picture_with_its_label():
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    pictures = [Image.new("RGB", (96, 64), colour) for colour in colours]
    sheet = contact_sheets.sheet(pictures, [["seed 1"], ["a label that is far too long " * 9], ["seed 3"]], 2, 48)
    gap, line = contact_sheets.GAP, contact_sheets.LINE
    assert sheet.size == (2 * (48 + gap) + gap, 2 * (32 + line + gap) + gap)
    seen = [
        sheet.getpixel((gap + column * (48 + gap) + 5, gap + row * (32 + line + gap) + 5))
        for row, column in ((0, 0), (0, 1), (1, 0))
    ]
    assert seen == colours
    under = sheet.crop((gap, gap + 32, gap + 48, gap + 32 + line))
    assert len(under.getcolors()) > 1  # something is written there


@pytest.fixture
def folder(models, tmp_path):
    config = tiny_scene(models) | {
        "sweeps": {
            "fogs": {"keys": {"fog.opacity": [0.1, 0.9], "fog.seed": [1]}},
            "nights": {"scene": "night", "keys": {"fog.blur": [5]}},
        }
    }
    (tmp_path / "config.yaml").write_text(f"# My scene.\n{yaml.safe_dump(config, sort_keys=False)}# The end.\n")
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("background: {prompt: a night} # dark\n")
    return tmp_path


def pick(folder, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(ROOT / "scripts/pick.py"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_picked_cell_is_written_into_the_scene(folder):
    before = (folder / "config.yaml").read_text()
    done = pick(folder, "fogs", "2")
    assert done.returncode == 0, done.stderr
    after = (folder / "config.yaml").read_text()
    config = yaml.safe_load(after)
    assert config["composite"]["layers"][3] == {"layer": "fog", "opacity": 0.9, "blur": 2}
    assert config["effects"]["fog"]["seed"] == 1
    assert after.startswith("# My scene.\n")
    assert after.endswith("# The end.\n")
    assert len(set(before.splitlines()) ^ set(after.splitlines())) == 4  # two lines, before and after


def test_a_picked_cell_goes_to_the_scene_that_was_swept(folder, monkeypatch):
    assert pick(folder, "nights", "1").returncode == 0
    text = (folder / "scenes/night.yaml").read_text()
    assert "# dark" in text
    monkeypatch.chdir(folder)
    scenes = Scenes(yaml.safe_load((folder / "config.yaml").read_text()))
    assert scenes.find("night/").stack[3]["blur"] == 5.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fogs", "3"], "has the cells 1 to 2, but no 3"),
        (["rain", "1"], "There are: fogs, nights"),
        ([], "python scripts/pick.py SWEEP"),
    ],
)
def test_a_wrong_pick_is_a_sentence(folder, arguments, said):
    done = pick(folder, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
