"""What differs between two scenes, in keys, layers and levels."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.exported import cut, noise
from strata.errors import StrataError
from strata.exports import comparing, diff_view
from strata.exports.comparing import Side
from strata.scene.scene import Scene


@pytest.fixture
def scene(config) -> dict:
    return Scene(config, "a test").effective()


def side(name: str, scene=None, picture=None, layers=(), made=()) -> Side:
    return Side(name, scene, picture, dict(layers), dict(made))


def edited(scene: dict, *path, value) -> dict:
    import copy

    other = copy.deepcopy(scene)
    place = other
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return other


def test_keys_that_differ_go_by_their_names(scene):
    other = edited(scene, "composite", "layers", 3, "opacity", value=0.5)
    assert list(comparing.find_keys(scene, other)) == [{"key": "composite.layers.fog.opacity", "a": 0.3, "b": 0.5}]
    assert list(comparing.find_keys(scene, scene)) == []


def test_the_order_of_subjects_and_of_layers_is_a_difference(scene):
    other = edited(scene, "subjects", value=dict(reversed(scene["subjects"].items())))
    assert [key["key"] for key in comparing.find_keys(scene, other)] == ["the order of subjects"]
    layers = scene["composite"]["layers"]
    other = edited(scene, "composite", "layers", value=[layers[0], layers[2], layers[1], layers[3]])
    assert [key["key"] for key in comparing.find_keys(scene, other)] == ["the order of composite.layers"]


def test_a_subject_that_one_side_lacks_is_listed_key_by_key(scene):
    other = edited(scene, "subjects", value={"astronaut": scene["subjects"]["astronaut"]})
    keys = {key["key"]: key for key in comparing.find_keys(scene, other)}
    assert keys["subjects.rover.seed"] == {"key": "subjects.rover.seed", "a": 99, "b": comparing.MISSING}


def test_pictures_are_measured_in_levels(tmp_path):
    picture = noise(1, (40, 30))
    other = picture.copy()
    other.putpixel((3, 4), tuple((level + 10) % 256 for level in picture.getpixel((3, 4))))
    pixels = comparing.measure(picture, picture)
    assert pixels == {"largest": 0, "mean": 0.0, "part": 0.0}
    pixels = comparing.measure(Image.new("RGB", (4, 2)), Image.new("RGB", (4, 2), (3, 0, 0)))
    assert pixels == {"largest": 3, "mean": 1.0, "part": 1.0}


def test_the_colour_of_what_is_transparent_is_no_difference():
    a, b = (Image.new("RGBA", (4, 4), (*colour, 0)) for colour in ((255, 0, 0), (0, 0, 9)))
    assert comparing.measure(a, b)["largest"] == 0
    assert comparing.measure(a, Image.new("RGBA", (4, 4), (0, 0, 0, 7)))["largest"] == 7


def test_a_drawn_difference_is_as_bright_as_it_can_be():
    a, b = Image.new("RGB", (2, 1)), Image.new("RGB", (2, 1))
    b.putpixel((0, 0), (5, 0, 1))
    drawn, factor = comparing.draw_difference(a, b)
    assert factor == 51
    assert np.asarray(drawn).tolist() == [[[255, 0, 51], [0, 0, 0]]]
    assert comparing.draw_difference(a, a)[1] == 1


def test_layers_are_compared_by_pixels_or_by_how_they_were_made(tmp_path):
    files = {}
    for name, image in {"a": noise(1, (40, 30)), "b": noise(2, (40, 30)), "c": cut(3, (20, 30), (10, 10), 5)}.items():
        files[name] = tmp_path / f"{name}.png"
        image.save(files[name])
    found = comparing.find_layers(
        side("one", layers={"same": files["a"], "other": files["a"], "size": files["a"], "gone": files["a"]}),
        side("two", layers={"same": files["a"], "other": files["b"], "size": files["c"]}, made={"new": {}}),
    )
    said = {layer["layer"]: layer for layer in found}
    assert said.keys() == {"other", "size", "gone", "new"}
    assert said["other"]["pixels"]["largest"] > 100
    assert said["size"]["how"] == "(40, 30) and (20, 30) pixels"
    assert said["gone"]["how"] == "only in one"
    assert said["new"]["how"] == "only in two"
    made = [{"fog": {"pass": {"seed": seed}}} for seed in (1, 2)]
    (layer,) = comparing.find_layers(side("one", made=made[0]), side("two", made=made[1]))
    assert layer["how"] == "made otherwise"


def test_what_cannot_be_compared_is_said(tmp_path, scene):
    noise(1, (40, 30)).save(tmp_path / "a.png")
    noise(1, (20, 30)).save(tmp_path / "b.png")
    difference = comparing.compare(side("one", None, tmp_path / "a.png"), side("two", scene, tmp_path / "b.png"))
    assert difference["picture"] is None
    assert difference["remarks"] == [
        "one says nothing about its scene.",
        "The pictures are 40 x 30 and 20 x 30 pixels.",
    ]
    assert comparing.compare(side("one", scene), side("two", scene))["remarks"] == [
        "The picture of one is not built.",
        "The picture of two is not built.",
    ]
    (tmp_path / "c.png").write_bytes(b"no picture")
    with pytest.raises(StrataError, match="cannot be read as a picture"):
        comparing.open_picture(Path(tmp_path / "c.png"), "RGB")


def test_names_and_values_stay_text_in_the_page(scene):
    other = edited(scene, "background", "prompt", value="<script>alert(1)</script>")
    difference = comparing.compare(side("<b>one</b>", scene), side("two", other))
    page = diff_view.encode(difference, (noise(1, (40, 30)), noise(2, (40, 30)))).decode()
    assert "<script>alert(1)" not in page
    assert "<b>one" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
