"""Pictures that people bring as subjects: where they go, how large, and what cuts them out."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.errors import StrataError
from strata.imaging import placed_images

SIZE = (40, 20)
NOISE = np.random.default_rng(1).integers(1, 256, (6, 8, 4), dtype=np.uint8)


def draw(mask=None, position=(0, 0), scale=1.0, bbox=None, fit="contain", image=NOISE) -> np.ndarray:
    spec = {"image": "own.png", "position": list(position), "scale": scale, "bbox": bbox, "fit": fit}
    spec |= {"width": SIZE[0], "height": SIZE[1], "where": "config.yaml: subjects.x"}
    Image.fromarray(image).save("own.png")
    layer = placed_images.draw(spec, mask)
    assert (layer.mode, layer.size) == ("RGBA", SIZE)
    return np.asarray(layer).astype(int)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "placement", [{"position": (5, 4)}, {"bbox": [5, 4, 13, 10]}, {"bbox": [0, 0, 18, 14], "fit": "cover"}]
)
def test_a_picture_that_keeps_its_size_comes_out_as_it_is(placement):
    if placement.get("fit") == "cover":
        drawn = draw(**placement, image=np.pad(NOISE, ((4, 4), (5, 5), (0, 0)), mode="edge"))
    else:
        drawn = draw(**placement)
        assert (drawn[..., 3] > 0).sum() == 48
    assert (drawn[4:10, 5:13] == NOISE).all()


@pytest.mark.parametrize("x", [-3, 37])
def test_what_juts_out_is_cut_off(x):
    drawn = draw(position=(x, 4))
    seen = slice(max(x, 0), min(x + 8, 40))
    assert (drawn[4:10, seen] == NOISE[:, seen.start - x : seen.stop - x]).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(-30, 30), st.floats(0.3, 6), st.integers(0, 10**6))
@example(0, 1.75, 0)
def test_cutting_off_first_changes_nothing(x, scale, seed):
    """The part of a scaled picture that is resampled is what it would be in all of it."""
    # Halves are rounded up, as everywhere; Python's round() takes the even neighbour.
    width, height = math.floor(8 * scale + 0.5), math.floor(6 * scale + 0.5)
    if x + width <= 0:
        return
    image = np.random.default_rng(seed).integers(0, 256, (6, 8, 4), dtype=np.uint8)
    image[..., 3] |= 1
    whole = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.LANCZOS)).astype(int)
    drawn = draw(position=(x, 0), scale=scale, image=image)
    left, right, bottom = max(x, 0), min(x + width, 40), min(height, 20)
    expected = whole[:bottom, left - x : right - x]
    shown = drawn[:bottom, left:right]
    clear = expected[..., 3] == 0
    assert np.abs(shown - expected)[~clear].max(initial=0) <= 2


@pytest.mark.parametrize(
    ("fit", "box"), [("contain", (15, 0, 25, 20)), ("cover", (10, 0, 30, 20)), ("stretch", (10, 0, 30, 20))]
)
def test_a_picture_is_fitted_into_its_box(fit, box):
    drawn = draw(bbox=[10, 0, 30, 20], fit=fit, image=np.full((8, 4, 4), 255, np.uint8))
    assert Image.fromarray(drawn.astype(np.uint8)).getchannel("A").getbbox() == box


def test_a_box_far_larger_than_the_canvas_takes_no_memory_for_it():
    drawn = draw(bbox=[-(10**8), 0, 10**8, 20], fit="stretch")
    assert (drawn[..., 3] > 0).all()


def test_a_mask_cuts_it_out():
    mask = Image.new("L", SIZE)
    mask.paste(128, (5, 4, 9, 10))
    drawn = draw(mask, position=(5, 4))
    assert (drawn[4:10, 5:9, :3] == NOISE[:, :4, :3])[drawn[4:10, 5:9, 3] > 0].all()
    assert np.abs(drawn[4:10, 5:9, 3] - NOISE[:, :4, 3] * (128 / 255)).max() <= 0.5
    drawn[4:10, 5:9] = 0
    assert (drawn == 0).all()


@pytest.mark.parametrize("position", [(40, 0), (-8, 0), (0, 1e12)])
def test_a_picture_off_the_canvas_is_a_sentence(position):
    with pytest.raises(StrataError, match=r"^config\.yaml: subjects\.x shows nothing of 'own\.png', which has 8 x 6"):
        draw(position=position)


def test_a_transparent_picture_is_a_sentence():
    with pytest.raises(StrataError, match="shows nothing"):
        draw(image=np.zeros((6, 8, 4), np.uint8))
    with pytest.raises(StrataError, match="shows nothing"):
        draw(Image.new("L", SIZE))
