"""A painted window's colours, brought to those of its plate by what lies round the mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.errors import StrataError
from strata.imaging import color_match, masks, windows

SIZE = 64, 48


def texture(seed: int, low=60, high=190) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, (SIZE[1], SIZE[0], 3)).astype(float)


def image(pixels) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(pixels, 0, 255)).astype(np.uint8))


def values(picture) -> np.ndarray:
    return np.asarray(picture).astype(float)


def look(box=(16, 16, 40, 32), plate=None, context=None) -> windows.Window:
    mask = Image.new("L", SIZE)
    mask.paste(255, box)
    return windows.cut_window([plate or image(texture(1))], mask, context, 4)


channel = st.tuples(st.floats(0.75, 1.3), st.floats(-25, 25))


@given(seed=st.integers(0, 99), drift=st.tuples(channel, channel, channel))
@settings(max_examples=60, deadline=None)
def test_a_gain_and_a_shift_are_undone(seed, drift):
    gain, shift = (np.array(values) for values in zip(*drift, strict=True))
    plate = texture(seed)
    window = look(plate=image(plate))
    true = np.where(values(window.hard)[:, :, None] > 0, texture(seed + 1), plate)
    painted = image((true - 125) * gain + 125 + shift)
    matched = color_match.match(painted, window.plate, window.ring(), 1)
    assert np.abs(values(matched) - true).max() <= 3
    assert np.abs(values(matched) - true).mean() <= 1


@given(seed=st.integers(0, 99), strength=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_strength_goes_from_nothing_to_all_of_it(seed, strength):
    window = look()
    painted = image(texture(seed) * 0.9 + 20)
    none, part, all_of_it = (
        values(color_match.match(painted, window.plate, window.ring(), amount)) for amount in (0, strength, 1)
    )
    assert (none == values(painted)).all()
    assert np.abs(part - (values(painted) + strength * (all_of_it - values(painted)))).max() <= 1


def test_what_was_kept_alone_counts():
    """Neither what was painted nor what lies far away changes the correction."""
    window = look()
    painted = values(window.plate) + 9
    near = values(masks.ring(window.hard, 2 * 4))[:, :, None] > 0
    other = np.where(near, painted, texture(5))
    first, second = (
        values(color_match.match(image(pixels), window.plate, window.ring(), 1)) for pixels in (painted, other)
    )
    assert (first == second)[np.broadcast_to(near, first.shape)].all()
    assert np.abs(first - values(window.plate)).max() <= 1


def test_a_flat_ring_is_shifted_and_not_stretched():
    """Noise on a flat plate says nothing about a gain: what was painted keeps its contrast."""
    plate = np.full((SIZE[1], SIZE[0], 3), 120.0)
    noise = np.random.default_rng(3).normal(0, 1.5, plate.shape)
    window = look(plate=image(plate))
    painted = np.where(values(window.hard)[:, :, None] > 0, texture(2), plate) + noise + 10
    matched = values(color_match.match(image(painted), window.plate, window.ring(), 1))
    inside = values(window.soft) > 0
    assert 0.85 < matched[inside].std() / painted[inside].std() <= 1
    assert abs(matched[~inside].mean() - 120) < 0.5


def test_without_a_match_a_layer_is_the_painted_picture_bit_for_bit():
    window = look()
    painted = image(texture(7))
    inside = np.asarray(window.soft) == 255
    assert (np.asarray(window.cut_layer(painted))[inside][:, :3] == np.asarray(painted)[inside]).all()
    assert window.cut_layer(painted).tobytes() == window.cut_layer(painted, 0).tobytes()
    assert window.cut_layer(painted).tobytes() != window.cut_layer(painted, 1).tobytes()


def test_the_ring_lies_round_the_mask_and_not_in_it():
    window = look()
    ring, hard = (np.asarray(picture) > 0 for picture in (window.ring(), window.hard))
    assert not (ring & hard).any()
    assert Image.fromarray(ring).getbbox() == (16 - 12, 16 - 12, 40 + 12, 32 + 12)


def test_without_a_ring_it_is_refused_in_a_sentence():
    window = look(context=0)
    with pytest.raises(StrataError, match=r"^x\.png asks for color_match, but its mask fills all that the pass sees"):
        window.check_ring("x.png")
    with pytest.raises(ValueError, match="without pixels"):
        color_match.match(window.plate, window.plate, window.ring(), 1)
    look(context=8).check_ring("x.png")
