"""Effects from image files, and transparency from luminance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.errors import StrataError
from strata.imaging import compositing, effects


def spec(path, size=(40, 20), alpha="own") -> dict:
    return {
        "image": str(path),
        "alpha": alpha,
        "width": size[0],
        "height": size[1],
        "where": "config.yaml: effects.fog",
    }


def values(image) -> np.ndarray:
    return np.asarray(image).astype(int)


def over(image, colour) -> np.ndarray:
    """What a picture shows over a colour."""
    backdrop = compositing.Layer(Image.new("RGB", image.size, colour))
    return values(compositing.flatten(image.size, [backdrop, compositing.Layer(image)]))


@pytest.fixture
def saved(tmp_path):
    def save(image, name="fog.png"):
        image.save(tmp_path / name)
        return tmp_path / name

    return save


def test_an_image_of_the_canvas_comes_out_as_it_is(saved):
    pixels = np.random.default_rng(1).integers(0, 256, (20, 40, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    assert effects.from_image(spec(saved(image))).tobytes() == image.tobytes()


def test_an_image_covers_the_canvas_and_is_cut_evenly(saved):
    image = Image.new("RGB", (60, 60), (10, 20, 30))
    image.paste((200, 0, 0), (0, 0, 60, 12))  # juts out above
    image.paste((0, 200, 0), (0, 48, 60, 60))  # and below
    cover = effects.from_image(spec(saved(image), size=(40, 20)))
    assert (cover.mode, cover.size) == ("RGB", (40, 20))
    assert (values(cover)[4:-4] == (10, 20, 30)).all()


@pytest.mark.parametrize(
    ("image", "pixel"),
    [
        (Image.new("L", (8, 4), 90), (90, 90, 90)),
        (Image.fromarray(np.full((4, 8), 30000, np.uint16)), (117, 117, 117)),
        (Image.new("1", (8, 4), 1), (255, 255, 255)),
        (Image.new("RGB", (8, 4), (1, 2, 3)).quantize(4), (1, 2, 3)),
        (Image.new("LA", (8, 4), (90, 128)), (90, 90, 90, 128)),
        (Image.new("RGBA", (8, 4), (1, 2, 3, 255)), (1, 2, 3, 255)),
    ],
    ids=["grey", "16 bits", "1 bit", "palette", "grey with alpha", "opaque alpha"],
)
def test_any_kind_of_picture_will_do(saved, image, pixel):
    found = effects.from_image(spec(saved(image))).getpixel((3, 3))
    assert len(found) == len(pixel)
    assert np.abs(np.subtract(found, pixel)).max() <= 1  # what is half transparent is rounded when it is resized


def test_what_is_transparent_lends_no_colour_when_it_is_resized(saved):
    image = Image.new("RGBA", (4, 2), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (2, 0, 4, 2))
    layer = values(effects.from_image(spec(saved(image))))
    seen = layer[..., 3] > 8
    assert (layer[seen][:, 0] < 30).all()


def test_an_image_that_cannot_be_read_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "fog.png").write_text("no picture")
    with pytest.raises(StrataError, match=r"effects\.fog\.image is '.*', which cannot be read .* or give a prompt\."):
        effects.from_image(spec(tmp_path / "fog.png"))


def test_own_alpha_leaves_a_picture_alone():
    image = Image.new("RGB", (8, 4), (90, 80, 70))
    assert effects.make_transparent(image, "own") is image


def test_grey_fog_veils_and_does_not_grey():
    """Half bright fog over white leaves it white; as an opaque layer at half opacity it would darken it."""
    fog = effects.make_transparent(Image.new("RGB", (8, 4), (128, 128, 128)), "luminance")
    assert fog.getpixel((0, 0)) == (255, 255, 255, 128)
    assert (over(fog, (255, 255, 255)) == 255).all()
    assert (over(fog, (0, 0, 0)) == 128).all()


@given(seed=st.integers(0, 999), spread=st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_over_black_a_pale_picture_looks_as_before_and_nothing_beneath_is_darkened(seed, spread):
    random = np.random.default_rng(seed)
    grey = random.integers(32, 220, (6, 6, 1))
    image = Image.fromarray((grey + random.integers(-spread, spread + 1, (6, 6, 3))).astype(np.uint8))
    layer = effects.make_transparent(image, "luminance")
    black = over(layer, (0, 0, 0))
    assert np.abs(black - values(image)).max() <= 1 + 2 * spread  # white fog has no room for a tint
    assert (over(layer, (60, 60, 60)) >= black - 1).all()


def test_the_alpha_of_the_file_and_that_of_its_luminance_multiply():
    image = Image.new("RGBA", (8, 4), (200, 200, 200, 128))
    red, green, blue, alpha = effects.make_transparent(image, "luminance").getpixel((0, 0))
    assert alpha == round(200 * 128 / 255)
    assert red == green == blue >= 254


def test_what_is_black_is_gone():
    layer = effects.make_transparent(Image.new("RGB", (8, 4)), "luminance")
    assert layer.getpixel((0, 0)) == (0, 0, 0, 0)
