"""The names of a scene's files, and which of its layers it no longer has."""

from pathlib import Path

import pytest

from strata.scene import paths
from strata.scene.scene import Scene


@pytest.mark.parametrize("folder", ["", "night/", "night/background.seed~1/"])
def test_every_file_of_a_scene_is_known_as_one(folder):
    files = {
        "background.png": paths.background(folder),
        "masks/rover.png": paths.mask(folder, "rover"),
        "subjects/rover.png": paths.subject(folder, "rover"),
        "effects/fog.png": paths.effect(folder, "fog"),
        "final.png": paths.final(folder),
        "final@2x.png": paths.enlarged(folder, 2),
        "scene.yaml": paths.effective(folder),
    }
    for name, path in files.items():
        found = paths.FILE.fullmatch(path)
        assert (found["folder"], found["name"]) == (folder, name)


@pytest.mark.parametrize(
    "name", ["notes.txt", "final@3x.png", "a/b/c/final.png", "subjects/a/b.png", ".final.png.part"]
)
def test_other_files_are_none_of_a_scene(name):
    assert paths.FILE.fullmatch(name) is None


@pytest.mark.parametrize(
    ("folder", "left"),
    [
        ("", ["masks/fog.png", "subjects/dragon.png", "effects/rover.png"]),
        ("night/", ["night/subjects/dragon.png"]),
        ("noon/", []),
    ],
)
def test_a_scenes_leftovers_are_the_layers_that_it_no_longer_has(config, tmp_path, folder, left):
    kept = ["background.png", "masks/rover.png", "subjects/rover.png", "effects/fog.png"]
    of_nobody = ["subjects/.dragon.png.part.png", "subjects/dragon.txt", "dragon.png", "sweeps/dragon.png"]
    others = ["masks/fog.png", "subjects/dragon.png", "effects/rover.png", "night/subjects/dragon.png"]
    for name in kept + of_nobody + others:
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = paths.find_leftovers(folder, Scene(config, "config.yaml"), Path("results"))
    assert [path.relative_to("results").as_posix() for path in found] == left
