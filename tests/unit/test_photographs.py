"""Pictures that people bring: their size, orientation, mode and colours."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers.icc import SRGB, swap_red_and_green
from strata.errors import StrataError
from strata.imaging import photographs, pictures

SIZE = (40, 20)
NOISE = np.random.default_rng(1).integers(0, 256, (20, 40, 3), dtype=np.uint8)


@pytest.fixture
def draw(tmp_path):
    def draw(image, fit="cover", size=SIZE, name="photo.png", **saved) -> Image.Image:
        image.save(tmp_path / name, **saved)
        spec = {
            "image": str(tmp_path / name),
            "fit": fit,
            "width": size[0],
            "height": size[1],
            "where": "c: background",
        }
        return photographs.draw(spec)

    return draw


def pixels(image) -> np.ndarray:
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
@pytest.mark.parametrize("profile", [None, SRGB, b"not a profile"])
def test_a_picture_of_the_canvas_comes_out_as_it_is(draw, fit, profile):
    drawn = draw(Image.fromarray(NOISE), fit, icc_profile=profile)
    assert drawn.mode == "RGB"
    assert (pixels(drawn) == NOISE).all()
    assert not drawn.info  # a layer would carry the profile along


def test_a_profile_is_applied(draw):
    red = Image.new("RGB", SIZE, (255, 0, 0))
    assert np.abs(pixels(draw(red, icc_profile=swap_red_and_green())) - (0, 255, 0)).max() <= 1
    clear = Image.new("RGBA", SIZE, (255, 0, 0, 128))
    assert np.abs(pixels(draw(clear, icc_profile=swap_red_and_green())) - (0, 128, 0)).max() <= 1


def test_a_profile_of_another_colour_space_says_nothing(draw):
    grey = Image.new("L", SIZE, 90)
    assert (pixels(draw(grey, icc_profile=swap_red_and_green())) == 90).all()


@pytest.mark.parametrize(
    ("image", "name", "pixel"),
    [
        (Image.new("1", SIZE, 1), "a.png", (255, 255, 255)),
        (Image.new("L", SIZE, 90), "a.png", (90, 90, 90)),
        (Image.new("LA", SIZE, (200, 128)), "a.png", (100, 100, 100)),
        (Image.new("I;16", SIZE, 257 * 90), "a.png", (90, 90, 90)),
        (Image.new("RGBA", SIZE, (200, 100, 0, 0)), "a.png", (0, 0, 0)),
        (Image.new("RGB", SIZE, (1, 2, 3)).quantize(4), "a.png", (1, 2, 3)),
        (Image.new("CMYK", SIZE, (0, 255, 255, 0)), "a.tif", (255, 0, 0)),
        (Image.new("LAB", SIZE, (255, 128, 128)), "a.tif", (255, 255, 255)),
        (Image.new("YCbCr", SIZE, (90, 128, 128)), "a.jpg", (90, 90, 90)),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_any_mode_is_read(draw, image, name, pixel):
    drawn = draw(image, name=name)
    assert (drawn.mode, drawn.size) == ("RGB", SIZE)
    assert np.abs(pixels(drawn) - pixel).max() <= 1


def test_a_photograph_is_turned_upright(draw):
    image = Image.new("RGB", (20, 40), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    drawn = draw(image, exif=exif)
    assert (drawn.getpixel((2, 10)), drawn.getpixel((37, 10))) == ((0, 0, 255), (255, 0, 0))


@pytest.mark.parametrize(
    ("fit", "corner", "middle"),
    [("cover", (0, 200, 0), (0, 200, 0)), ("contain", (0, 0, 0), (0, 200, 0)), ("stretch", (204, 0, 0), (0, 200, 0))],
)
def test_other_proportions_are_fitted(draw, fit, corner, middle):
    image = Image.new("RGB", (120, 120), (0, 200, 0))
    image.paste((204, 0, 0), (0, 0, 120, 24))
    drawn = draw(image, fit)
    assert np.abs(pixels(drawn)[0, 0] - corner).max() <= 1
    assert drawn.getpixel((20, 10)) == middle


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read as an image"),
        (b"GIF89a", "cannot be read as an image"),
        (None, "but there is no such file"),
    ],
)
def test_what_is_no_picture_is_a_sentence(tmp_path, content, said):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    spec = {"image": str(tmp_path / "a.png"), "fit": "cover", "width": 8, "height": 8, "where": "c: background"}
    with pytest.raises(StrataError, match=f"^c: background.image is .*{said}.*give a prompt"):
        photographs.draw(spec)


def test_a_cut_file_and_a_bomb_are_sentences(tmp_path, monkeypatch):
    whole = io.BytesIO()
    Image.fromarray(NOISE).save(whole, "PNG")
    (tmp_path / "a.png").write_bytes(whole.getvalue()[:-200])
    with pytest.raises(StrataError, match="cannot be read as an image"):
        pictures.read_colors(tmp_path / "a.png", "x", "draw")
    (tmp_path / "a.png").write_bytes(whole.getvalue())
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(StrataError, match="could be decompression bomb"):
        pictures.read_colors(tmp_path / "a.png", "x", "draw")


def test_floating_point_is_a_sentence(tmp_path):
    Image.new("F", SIZE, 0.5).save(tmp_path / "a.tif")
    with pytest.raises(StrataError, match="floating-point"):
        pictures.read_colors(tmp_path / "a.tif", "x", "draw")
