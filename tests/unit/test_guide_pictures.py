"""References and what ControlNets follow, as passes get them."""

import io

import numpy as np
import pytest
from PIL import Image

from strata.errors import StrataError
from strata.imaging import guide_pictures
from strata.imaging.guides import Guides


def as_file(image: Image.Image):
    png = io.BytesIO()
    image.save(png, "PNG")
    return lambda path: png.getvalue()


def read_reference(image: Image.Image, layer: bool = False) -> Image.Image:
    guide = {"image": None if layer else "a.png", "layer": "rover" if layer else None}
    size = image.size if layer else (96, 64)
    return guide_pictures.read_reference(guide, "a.png", size, "rover.png: reference", as_file(image))


def read_style(image: Image.Image, layer: bool = False) -> Image.Image:
    guide = {"image": None if layer else "a.png", "layer": "rover" if layer else None}
    return guide_pictures.read_style(guide, "a.png", image.size, "rover.png: style", as_file(image))


def draw_control(image: Image.Image, kind: str = "image", layer: bool = False, **values) -> Image.Image:
    picture = {"image": None if layer else "a.png", "layer": "rover" if layer else None}
    guide = {"fit": "cover", "thresholds": [100, 200]} | picture | values
    return guide_pictures.draw_control(kind, guide, "a.png", (96, 64), "rover.png: control", as_file(image))


def test_a_reference_comes_as_it_is():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 70, 3), dtype=np.uint8))
    assert read_reference(noise).tobytes() == noise.tobytes()


def test_a_layer_is_cut_to_what_it_shows_and_white_elsewhere():
    layer = Image.new("RGBA", (300, 200))
    layer.paste((10, 20, 30, 255), (100, 50, 200, 150))
    layer.putpixel((99, 49), (0, 0, 0, 255))
    found = read_reference(layer, layer=True)
    assert (found.mode, found.size) == ("RGB", (101, 101))
    assert found.getpixel((50, 50)) == (10, 20, 30)
    assert found.getpixel((50, 0)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(80, 30), (30, 80), (50, 50)])
def test_of_a_picture_the_square_in_its_middle_is_a_style(size):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    assert read_style(noise).tobytes() == noise.crop((left, top, left + side, top + side)).tobytes()


def test_a_layer_stands_whole_in_the_middle_of_a_white_square_as_a_style():
    layer = Image.new("RGBA", (300, 200))
    layer.paste((10, 20, 30, 255), (100, 50, 120, 150))
    found = read_style(layer, layer=True)
    assert (found.mode, found.size) == ("RGB", (100, 100))
    assert found.crop((40, 0, 60, 100)).getcolors() == [(2000, (10, 20, 30))]
    assert found.crop((0, 0, 40, 100)).getcolors() == found.crop((60, 0, 100, 100)).getcolors() == [(4000, (255,) * 3)]


@pytest.mark.parametrize("size", [(20, 30), (3000, 2000), (900, 40), (10, 400), (1, 1)])
def test_a_reference_has_a_size_that_pipelines_take(size):
    width, height = read_reference(Image.new("RGB", size, "red")).size
    assert min(width, height) >= 64
    assert width * height <= 1024 * 1024
    assert max(width, height) <= 8 * min(width, height) + 8


def test_a_picture_is_fitted_to_the_canvas_on_black():
    picture = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (0, 0, 48, 24))
    found = draw_control(picture, fit="contain")
    assert (found.mode, found.size) == ("RGB", (96, 64))
    assert (found.getpixel((48, 5)), found.getpixel((48, 60)), found.getpixel((2, 5))) == (
        (255, 255, 255),
        (0, 0, 0),
        (0, 0, 0),
    )


def test_edges_are_drawn_of_the_fitted_picture():
    layer = Image.new("RGBA", (96, 64))
    layer.paste((255, 255, 255, 255), (20, 10, 60, 50))
    found = np.asarray(draw_control(layer, "canny", layer=True))
    assert set(np.unique(found)) == {0, 255}
    assert 120 < (found[:, :, 0] > 0).sum() < 180
    assert not np.asarray(draw_control(layer, "canny", layer=True, thresholds=[2000, 2040])).any()


def test_a_depth_picture_of_16_bits_keeps_near_white():
    levels = np.linspace(0, 65535, 96).astype(np.uint16)[None].repeat(64, axis=0)
    found = np.asarray(draw_control(Image.fromarray(levels), "depth"))
    assert (found[0, 0] == 0).all() and (found[0, -1] == 255).all()
    assert (np.diff(found[0, :, 0].astype(int)) >= 0).all()
    with pytest.raises(StrataError, match=r"rover\.png: control\.image is 'a.png', which is one flat grey"):
        draw_control(Image.new("L", (96, 64), 80), "depth")


def test_what_cannot_be_read_is_a_sentence():
    guide = {"image": "a.png", "layer": None}
    with pytest.raises(
        StrataError, match=r"reference\.image is 'a.png', which cannot be read as an image.*take `reference` out"
    ):
        guide_pictures.read_reference(guide, "a.png", (96, 64), "rover.png: reference", lambda path: b"GIF")


def test_a_reference_is_another_thing_than_a_control():
    picture = Image.new("RGB", (4, 4))
    kinds = (
        Guides(),
        Guides(reference=picture),
        Guides(style=picture),
        Guides(control=picture),
        Guides(picture, picture),
    )
    assert len({kind.pixels() for kind in kinds}) == 5
    assert Guides().pixels() == b""
