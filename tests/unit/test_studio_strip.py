"""The strip of finished pictures: each once, with its scene, the oldest forgotten."""

import pytest
from PIL import Image

from helpers.studio import SCENE
from strata.errors import StrataError
from strata.imaging import png, provenance
from strata.scene.scene_files import SceneFile
from strata.studio import strip


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def finish(level: int, name: str = "") -> dict:
    """Makes a final picture that carries its scene, and returns that."""
    scene = SceneFile("config.yaml", SCENE.replace("seed: 77", f"seed: {level}")).scene().effective()
    path = f"results/{name + '/' if name else ''}final.png"
    chunks = provenance.describe_picture(scene, [], [])
    png.write(path, Image.new("RGB", (1536, 1024), (level, 0, 0)), chunks)
    return scene


def test_a_finished_picture_is_kept_once_with_its_scene():
    scene = finish(10)
    assert strip.keep("")
    assert not strip.keep("")
    finish(20, "night")
    assert strip.keep("night")
    first, second = strip.read()
    assert (first["scene"], second["scene"]) == ("", "night")
    assert first["size"] == [1536, 1024]
    assert strip.find_scene(first["id"]).items() >= scene.items()
    with Image.open(strip.find_picture(first["id"])) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1024, 683))


def test_a_picture_that_comes_back_is_kept_again():
    for level in (10, 20, 10):
        finish(level)
        assert strip.keep("")
    assert len(strip.read()) == 3


def test_the_oldest_are_forgotten(monkeypatch):
    monkeypatch.setattr(strip, "MOST", 3)
    for level in range(5):
        finish(level)
        strip.keep("")
    kept = strip.read()
    assert [strip.find_scene(each["id"])["background"]["seed"] for each in kept] == [2, 3, 4]
    assert len(list(strip.FOLDER.iterdir())) == 6


def test_nothing_is_kept_of_a_picture_that_is_not_there_or_says_nothing():
    assert not strip.keep("")
    png.write("results/final.png", Image.new("RGB", (8, 8)))
    assert not strip.keep("")
    assert strip.read() == []


@pytest.mark.parametrize("name", ["", "../token", "0000000000000-0123456789abcdef", "x" * 99])
def test_a_name_that_is_none_is_a_sentence(name):
    with pytest.raises(StrataError, match="no longer in the strip"):
        strip.find_picture(name)


@pytest.mark.parametrize("garbage", ["", "{", "[]", '{"id": 1}', "[" * 50_000])
def test_a_damaged_entry_is_left_out(garbage):
    finish(10)
    strip.keep("")
    (strip.FOLDER / "0000000000001-0123456789abcdef.json").write_text(garbage)
    assert len(strip.read()) == 1
    with pytest.raises(StrataError, match="is damaged"):
        strip.find_scene("0000000000001-0123456789abcdef")
