"""The edge of a painted subject is brought to its plate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from strata.imaging.healing import heal

SIZE = WIDTH, HEIGHT = 96, 64
REACH = 8


def disc(radius: float, feather: float = 3) -> Image.Image:
    mask = Image.new("L", SIZE)
    ImageDraw.Draw(mask).ellipse((48 - radius, 32 - radius, 48 + radius, 32 + radius), fill=255)
    return mask.filter(ImageFilter.GaussianBlur(feather))


def slope(red: float = 0.5, green: float = -0.3) -> np.ndarray:
    """A plate whose colours change slowly, of shape (height, width, 3)."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([100 + red * x, 120 + green * y, 90 + 0.2 * (x + y)], axis=2)


def picture(levels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(levels, 0, 255)).astype(np.uint8))


def levels(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(int)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(-11, 11)] * 3), st.floats(0, 1))
def test_a_drift_that_is_the_same_everywhere_is_taken_off(drift, strength):
    plate = picture(slope())
    painted = picture(slope() + drift)
    mask = disc(22)
    healed = levels(heal(painted, plate, mask, REACH, strength))
    seen = np.asarray(mask) >= 5
    expected = slope() + (1 - strength) * np.array(drift)
    assert np.abs(healed - expected)[seen].max() <= 1.6  # three roundings
    assert (healed == levels(painted))[~seen].all()


def test_a_halo_fades_at_the_edge_and_the_subject_stays_what_it_is():
    plate, mask = slope(), disc(22)
    subject = disc(9, 0.5)
    halo = plate + np.array([10.0, -8.0, 6.0])
    inside = np.asarray(subject)[:, :, None] / 255
    painted = halo * (1 - inside) + np.array([250.0, 10.0, 30.0]) * inside
    healed = levels(heal(picture(painted), picture(plate), mask, REACH, 1))
    around = (np.asarray(mask) >= 5) & (np.asarray(subject) == 0)
    assert np.abs(healed - plate)[around].max() <= 3
    assert np.abs(healed - painted)[np.asarray(subject) == 255].max() <= 11  # as much as the halo was off
    assert np.abs(painted - plate)[around].max() >= 10


def test_a_subject_that_lies_on_the_edge_does_not_bleed_into_the_rest():
    plate, mask = slope(), disc(22)
    painted = plate.copy()
    painted[:, :50] = (250, 10, 30)  # half of the edge, and far from the plate
    healed = levels(heal(picture(painted), picture(plate), mask, REACH, 1))
    assert np.abs(healed - np.rint(painted)).max() <= 1


@pytest.mark.parametrize("mask", [Image.new("L", SIZE), Image.new("L", SIZE, 255)])
def test_without_an_edge_nothing_is_healed(mask):
    painted = picture(slope() + 9)
    assert heal(painted, picture(slope()), mask, REACH, 1).tobytes() == painted.tobytes()


def test_where_all_of_the_edge_is_subject_nothing_is_healed():
    painted = picture(slope() + 90)
    assert heal(painted, picture(slope()), disc(22), REACH, 1).tobytes() == painted.tobytes()


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (33, 17), (64, 64)])
def test_windows_of_any_size_are_healed(size):
    mask = Image.new("L", size)
    mask.paste(255, (0, 0, max(size[0] // 2, 1), size[1]))
    painted, plate = Image.new("RGB", size, (80, 90, 100)), Image.new("RGB", size, (75, 95, 100))
    healed = heal(painted, plate, mask, 4, 1)
    assert (healed.mode, healed.size) == ("RGB", size)
    if size[0] > 1:
        assert healed.getpixel((0, 0)) == (75, 95, 100)
