"""Windows: outside its mask a subject leaves the plate as it is, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.imaging import compositing, windows


def noise(seed: int, mode: str, size=(48, 32)) -> Image.Image:
    channels = {"RGB": 3, "RGBA": 4}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8)
    return Image.fromarray(pixels, mode)


def blob(box, size=(48, 32), level=255) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(level, box)
    return mask


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 99),
    left=st.integers(0, 40),
    top=st.integers(0, 24),
    level=st.integers(5, 255),
    context=st.sampled_from([None, 0, 5, 100]),
)
def test_outside_its_mask_a_subject_changes_nothing(seed, left, top, level, context):
    beneath = [noise(seed, "RGB"), noise(seed + 1, "RGBA")]
    mask = blob((left, top, left + 8, top + 8), level=level)
    window = windows.cut_window(beneath, mask, context, 8)
    layer = window.cut_layer(noise(seed + 2, "RGB", window.plate.size))
    plate = compositing.flatten(mask.size, [compositing.Layer(image) for image in beneath])
    after = compositing.flatten(mask.size, [compositing.Layer(image) for image in [*beneath, layer]])
    outside = np.asarray(mask) == 0
    assert (np.asarray(after)[outside] == np.asarray(plate)[outside]).all()
    assert plate.crop(window.box).tobytes() == window.plate.tobytes()


def test_the_whole_canvas_or_a_margin():
    mask = blob((16, 8, 32, 24))
    beneath = [noise(1, "RGB")]
    assert windows.cut_window(beneath, mask, None, 8).box == (0, 0, 48, 32)
    assert windows.cut_window(beneath, mask, 0, 8).box == (16, 8, 32, 24)
    near = windows.cut_window(beneath, mask, 4, 8)
    assert near.plate.size == near.soft.size == near.hard.size == (24, 24)


def test_only_what_the_window_holds_counts():
    """A change to the plate that the window does not reach leaves the pass what it was."""
    mask = blob((0, 0, 16, 16))
    plate = noise(1, "RGB")
    changed = plate.copy()
    changed.paste((1, 2, 3), (40, 24, 48, 32))
    assert windows.cut_window([plate], mask, 0, 8).pixels() == windows.cut_window([changed], mask, 0, 8).pixels()
    assert windows.cut_window([plate], mask, None, 8).pixels() != windows.cut_window([changed], mask, None, 8).pixels()


@pytest.mark.parametrize("other", [blob((0, 0, 17, 16)), blob((0, 0, 16, 16), level=254), blob((8, 0, 24, 16))])
def test_the_mask_counts(other):
    plate = [noise(1, "RGB")]
    mask = blob((0, 0, 16, 16))
    assert windows.cut_window(plate, mask, None, 8).pixels() != windows.cut_window(plate, other, None, 8).pixels()


RING = {"layers": ["back", "front"], "width": 2, "feather": 0.0}


def ring(*boxes) -> np.ndarray:
    """Where a ring round subjects in boxes lies, one upon the other."""
    stack = [compositing.Layer(compositing.cut_out(noise(n, "RGB"), blob(box))) for n, box in enumerate(boxes)]
    return np.asarray(windows.flatten_stack((48, 32), stack, ["back", "front"][: len(boxes)], RING).soft) > 0


def test_a_ring_lies_at_every_edge_that_is_seen():
    near = ring((4, 4, 44, 28), (16, 10, 30, 22))
    assert near[16, 4] and near[16, 44 - 1]  # of the one behind
    assert near[16, 16] and near[10, 20]  # of the one in front, within it
    assert not near[16, 23] and not near[6, 36 + 2]
    covered = ring((16, 10, 30, 22), (4, 4, 44, 28))
    assert not covered[16, 16] and covered[16, 4]


def test_a_layer_without_an_alpha_has_a_ring_too():
    layer = compositing.quantise(compositing.Layer(noise(1, "RGBA").convert("RGB"), opacity=0.3, blur=2))
    assert windows.flatten_stack((48, 32), [layer], ["back"], RING).soft is not None
