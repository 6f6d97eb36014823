import os
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageEnhance

from strata.imaging.compositing import BAND, BLEND_MODES, Layer, cut_out, finish, flatten

GOLDEN = pathlib.Path(__file__).parent / "golden"
COMMUTATIVE = ["multiply", "screen", "darken", "lighten", "add", "difference"]


def values(image):
    return np.asarray(image).astype(int)


def flat(colour, size=(4, 3)):
    return Image.new("RGBA" if len(colour) == 4 else "RGB", size, colour)


def noise(seed, size, channels=3):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], channels), dtype=np.uint8))


# Blend modes: worked out by hand from the recommendation's formulas.

# Cb, Cs:           0.8, 0.4   0.2, 0.6   0.64, 0.75
BY_HAND = {
    "normal":      (0.4,       0.6,       0.75),
    "multiply":    (0.32,      0.12,      0.48),
    "screen":      (0.88,      0.68,      0.91),
    "overlay":     (0.76,      0.24,      0.82),
    "soft_light":  (0.768,     0.2496,    0.72),
    "hard_light":  (0.64,      0.36,      0.82),
    "darken":      (0.4,       0.2,       0.64),
    "lighten":     (0.8,       0.6,       0.75),
    "add":         (1.0,       0.8,       1.0),
    "difference":  (0.4,       0.4,       0.11),
}  # fmt: skip

# Over a backdrop of 0.3 (0.1 for the dark branch of soft light): a source of black, mid grey and white.
ENDS = {
    "normal": (0, 0.5, 1),
    "multiply": (0, 0.15, 0.3),
    "screen": (0.3, 0.65, 1),
    "overlay": (0, 0.3, 0.6),
    "soft_light": (0.09, 0.3, 0.3**0.5),
    "hard_light": (0, 0.3, 1),
    "darken": (0, 0.3, 0.3),
    "lighten": (0.3, 0.5, 1),
    "add": (0.3, 0.8, 1),
    "difference": (0.3, 0.2, 0.7),
}


def blended(mode, backdrop, source):
    def pixel(value):
        return np.full((1, 1, 3), value, np.float32)

    result = BLEND_MODES[mode](pixel(backdrop), pixel(source))
    assert result.shape == (1, 1, 3)
    assert result.dtype == np.float32
    return result[0, 0, 0]


@pytest.mark.parametrize("mode", BY_HAND)
def test_blend_modes_by_hand(mode):
    results = [blended(mode, *pair) for pair in [(0.8, 0.4), (0.2, 0.6), (0.64, 0.75)]]
    assert results == pytest.approx(BY_HAND[mode], abs=1e-6)
    assert [blended(mode, 0.3, source) for source in (0, 0.5, 1)] == pytest.approx(ENDS[mode], abs=1e-6)


def test_soft_light_over_dark_backdrops():
    assert blended("soft_light", 0.1, 1) == pytest.approx(((16 * 0.1 - 12) * 0.1 + 4) * 0.1, abs=1e-6)
    assert blended("soft_light", 0.25, 1) == pytest.approx(0.5, abs=1e-6)  # where the two branches meet


def test_the_tables_hold_every_mode():
    assert set(BLEND_MODES) == set(BY_HAND) == set(ENDS)


colours = arrays(np.uint8, (2, 3, 3)).map(lambda a: a.astype(np.float32) / 255)


@pytest.mark.parametrize("mode", BLEND_MODES)
@settings(max_examples=50)
@given(cb=colours, cs=colours)
def test_blend_modes_stay_in_range_and_keep_their_arguments(mode, cb, cs):
    before = cb.copy(), cs.copy()
    result = BLEND_MODES[mode](cb, cs)
    assert (result >= -1e-6).all()
    assert (result <= 1 + 1e-6).all()
    assert (cb == before[0]).all()
    assert (cs == before[1]).all()


@pytest.mark.parametrize("mode", COMMUTATIVE)
@settings(max_examples=50)
@given(cb=colours, cs=colours)
def test_commutative_modes(mode, cb, cs):
    assert (BLEND_MODES[mode](cb, cs) == BLEND_MODES[mode](cs, cb)).all()


@pytest.mark.parametrize("mode", ["overlay", "soft_light", "hard_light", "normal"])
def test_the_other_modes_know_which_layer_is_on_top(mode):
    assert blended(mode, 0.2, 0.6) != blended(mode, 0.6, 0.2)


# Layers and flatten


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"blend": "normall"}, "'normall' is no blend mode: there are normal, multiply"),
        ({"opacity": 1.5}, "opacity must be from 0 to 1, this one is 1.5"),
        ({"opacity": float("nan")}, "opacity must be from 0 to 1, this one is nan"),
        ({"blur": -1}, "blur must be 0 px or more, this one is -1"),
        ({"image": Image.new("L", (2, 2))}, "must be RGB or RGBA, this one is L"),
    ],
)
def test_a_layer_refuses_what_it_cannot_mean(changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        Layer(**{"image": flat((1, 2, 3))} | changes)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        # over (200, 100, 50)
        (Layer(flat((100, 50, 250)), opacity=0.3), (170, 85, 110)),
        (Layer(flat((100, 50, 250, 51))), (180, 90, 90)),
        (Layer(flat((100, 50, 250, 51)), opacity=0.5), (190, 95, 70)),
        (Layer(flat((100, 50, 250)), blend="multiply"), (78, 20, 49)),
        (Layer(flat((100, 50, 250)), blend="multiply", opacity=0.5), (139, 60, 50)),
        (Layer(flat((100, 50, 250, 102)), blend="screen"), (209, 112, 130)),
        (Layer(flat((100, 50, 250)), blend="add", opacity=0.5), (228, 125, 152)),
    ],
)
def test_flatten_by_hand(layer, expected):
    result = values(flatten((4, 3), [Layer(flat((200, 100, 50))), layer]))
    # opacity 0.5 over an odd sum ends in .5: either neighbour is right
    assert np.abs(result - expected).max() <= (1 if layer.blend == "add" else 0)
    assert (result == result[0, 0]).all()


def test_an_empty_stack_is_black():
    assert values(flatten((4, 3), [])).tolist() == [[[0, 0, 0]] * 4] * 3


def test_alpha_is_over_black():
    assert flatten((4, 3), [Layer(flat((200, 100, 50, 51)))]).getpixel((0, 0)) == (40, 20, 10)


@pytest.mark.parametrize("position", [(-2, 1), (3, -1), (1, 1), (-4, 0), (0, 5), (7, 0), (0, -4), (10**6, -(10**6))])
@pytest.mark.parametrize("blur", [0, 0.01])
def test_position(position, blur):
    patch = noise(1, (4, 4))
    expected = noise(2, (7, 5))
    result = flatten((7, 5), [Layer(expected), Layer(patch, position=position, blur=blur)])
    expected.paste(patch, position)
    assert (values(result) == values(expected)).all()


alphas = st.one_of(st.sampled_from([0, 255]), st.integers(0, 255))
images = st.tuples(st.integers(1, 9), st.integers(1, 7), st.sampled_from([3, 4])).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=alphas, fill=st.just(0)).map(Image.fromarray)
)
layers = st.builds(
    Layer,
    image=images,
    opacity=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)),
    blur=st.sampled_from([0.0, 0.0, 0.7, 2.0]),
    blend=st.sampled_from(sorted(BLEND_MODES)),
    position=st.tuples(st.integers(-6, 9), st.integers(-6, 9)),
)
SIZE = (8, 6)


def coverage(layer):
    """Where a layer without blur can change a canvas of SIZE."""
    covered = np.zeros((SIZE[1], SIZE[0]), bool)
    alpha = np.asarray(layer.image.convert("RGBA"))[:, :, 3]
    for y, x in np.argwhere(alpha):
        x, y = x + layer.position[0], y + layer.position[1]
        if layer.opacity and 0 <= x < SIZE[0] and 0 <= y < SIZE[1]:
            covered[y, x] = True
    return covered


@settings(max_examples=150, deadline=None)
@given(stack=st.lists(layers, max_size=4), top=layers.filter(lambda layer: not layer.blur))
def test_where_a_layer_is_transparent_the_backdrop_stays_bit_for_bit(stack, top):
    beneath, result = values(flatten(SIZE, stack)), values(flatten(SIZE, [*stack, top]))
    untouched = ~coverage(top)
    assert (result[untouched] == beneath[untouched]).all()


@settings(max_examples=50, deadline=None)
@given(stack=st.lists(layers, max_size=3), top=layers)
def test_opacity_0_changes_nothing(stack, top):
    top = Layer(top.image, 0, top.blur, top.blend, top.position)
    assert flatten(SIZE, [*stack, top]).tobytes() == flatten(SIZE, stack).tobytes()


@settings(max_examples=100, deadline=None)
@given(stack=st.lists(layers, max_size=3), top=arrays(np.uint8, (6, 8, 4)))
def test_what_is_opaque_comes_out_bit_for_bit(stack, top):
    top[:, :, 3] |= 128
    opaque = top[:, :, 3] > 190
    top[opaque, 3] = 255
    result = np.asarray(flatten(SIZE, [*stack, Layer(Image.fromarray(top))]))
    assert (result[opaque] == top[opaque, :3]).all()


def test_every_8_bit_value_survives_a_full_stack():
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2))
    clear = Image.merge("RGBA", [*noise(3, (256, 1)).split(), Image.new("L", (256, 1))])
    veils = [Layer(clear, opacity=0.7, blur=blur, blend=mode) for mode in BLEND_MODES for blur in (0, 2)]
    assert (values(flatten((256, 1), [Layer(ramp), *veils])) == values(ramp)).all()


# Against a slow and plain reading of the formulas


def blurred_plainly(pixels, deviation):
    """Premultiplied RGBA, float64, convolved in two dimensions with a Gaussian; the edge continues."""
    reach = int(8 * deviation + 12)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / deviation) ** 2)
    for axis in (0, 1):
        last = pixels.shape[axis] - 1
        places = np.clip(np.arange(last + 1)[:, None] + offsets, 0, last)
        neighbours = np.moveaxis(pixels, axis, 0)[places]
        pixels = np.moveaxis(np.tensordot(weights / weights.sum(), neighbours, (0, 1)), 0, axis)
    return pixels


def flattened_plainly(size, stack):
    canvas = np.zeros((size[1], size[0], 3))
    for layer in stack:
        pixels = np.asarray(layer.image.convert("RGBA")) / 255
        pixels[:, :, :3] *= pixels[:, :, 3:]
        if layer.blur:
            pixels = blurred_plainly(pixels, layer.blur)
        for (row, column), alpha in np.ndenumerate(pixels[:, :, 3]):
            x, y = column + layer.position[0], row + layer.position[1]
            if alpha > 0 and 0 <= x < size[0] and 0 <= y < size[1]:
                cb = canvas[y, x].reshape(1, 1, 3)
                cs = np.clip(pixels[row, column, :3] / alpha, 0, 1).reshape(1, 1, 3)
                share = alpha * layer.opacity
                canvas[y, x] = (share * BLEND_MODES[layer.blend](cb, cs) + (1 - share) * cb)[0, 0]
    return canvas * 255


@settings(max_examples=80, deadline=None)
@given(stack=st.lists(layers, min_size=1, max_size=4))
def test_flatten_agrees_with_a_plain_reading(stack):
    assert np.abs(values(flatten(SIZE, stack)) - flattened_plainly(SIZE, stack)).max() <= 0.6


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("blur", [0.4, 2, 5, 13.5])
def test_blur_is_a_gaussian_across_bands(channels, blur):
    size = (5, 2 * BAND + 7)
    pixels = np.array(noise(4, size, channels))
    pixels[: BAND - 9, :, -1] = pixels[: BAND - 9, :, -1] // 200 * 255  # patches of alpha 0 and 255
    stack = [Layer(flat((40, 200, 90), size)), Layer(Image.fromarray(pixels), blur=blur, opacity=0.8)]
    assert np.abs(values(flatten(size, stack)) - flattened_plainly(size, stack)).max() <= 0.6


def test_blur_reaches_beyond_an_islands_box():
    island = Image.new("RGBA", (60, 150))
    island.paste((255, 120, 30, 255), (25, 60, 35, 70))
    stack = [Layer(flat((0, 0, 255), (60, 150))), Layer(island, blur=6)]
    result = values(flatten((60, 150), stack))
    assert np.abs(result - flattened_plainly((60, 150), stack)).max() <= 0.6
    assert result[65, 20, 0] > 30


def test_blur_neither_darkens_nor_clears_the_border_of_an_opaque_layer():
    for channels in (3, 4):
        layer = Layer(flat((250, 130, 7, 255)[:channels], (20, 12)), blur=4)
        result = values(flatten((20, 12), [Layer(flat((0, 0, 255), (20, 12))), layer]))
        assert (result == (250, 130, 7)).all()


def test_what_is_transparent_lends_no_colour_to_a_blur():
    pixels = np.zeros((20, 20, 4), np.uint8)
    pixels[:, :10] = (255, 0, 0, 255)
    pixels[:, 10:] = (0, 255, 0, 0)
    result = values(flatten((20, 20), [Layer(Image.fromarray(pixels), blur=3)]))
    assert result[:, :, 1].max() == 0
    assert result[10, 8, 0] > result[10, 11, 0] > 0


def test_flatten_edits_nothing_in_place():
    image = noise(5, (30, 30), 4)
    before = image.tobytes()
    first = flatten((30, 30), [Layer(image, 0.5, 2.0, "overlay")])
    assert flatten((30, 30), [Layer(image, 0.5, 2.0, "overlay")]).tobytes() == first.tobytes()
    assert image.tobytes() == before
    assert (first.mode, first.size) == ("RGB", (30, 30))


def scene():
    """A stack of every kind of layer on 48 x 32 pixels."""
    y, x = np.mgrid[:32, :48]
    background = Image.fromarray(np.stack([x * 5, y * 7, 200 - x * 2], axis=2).astype(np.uint8))
    disc = Image.fromarray(np.clip((12 - np.hypot(x - 18, y - 16)) * 80, 0, 255).astype(np.uint8))
    fog = Image.fromarray(np.where((x // 6 + y // 6) % 2, 230, 90)[:, :, None].repeat(3, 2).astype(np.uint8))
    return [
        Layer(background),
        Layer(cut_out(flat((240, 60, 30), (48, 32)), disc)),
        Layer(cut_out(flat((20, 220, 120), (48, 32)), disc), blend="screen", position=(14, 3)),
        Layer(fog, opacity=0.3, blur=2),
        Layer(cut_out(fog, disc), blend="soft_light", blur=1.5, position=(-12, -8)),
    ]


def test_golden():
    """STRATA_WRITE_GOLDEN=1 writes this picture anew: look at it before you commit it."""
    image = finish(flatten((48, 32), scene()), contrast=1.15)
    path = GOLDEN / "composite.png"
    if os.environ.get("STRATA_WRITE_GOLDEN"):
        image.save(path)
    with Image.open(path) as golden:
        assert np.abs(values(image) - values(golden)).max() <= 2


# Cutting out


@settings(max_examples=100, deadline=None)
@given(painted=arrays(np.uint8, (6, 8, 3)), mask=arrays(np.uint8, (6, 8)), beneath=arrays(np.uint8, (6, 8, 3)))
def test_cut_out_and_flatten_paste_the_subject_and_nothing_else(painted, mask, beneath):
    layer = cut_out(Image.fromarray(painted), Image.fromarray(mask))
    pixels = np.asarray(layer)
    assert (pixels[:, :, 3] == mask).all()
    assert (pixels[mask > 0, :3] == painted[mask > 0]).all()
    assert (pixels[mask == 0] == 0).all()
    result = values(flatten((8, 6), [Layer(Image.fromarray(beneath)), Layer(layer)]))
    assert (result[mask == 0] == beneath[mask == 0]).all()
    assert (result[mask == 255] == painted[mask == 255]).all()
    share = mask[:, :, None] / 255
    assert np.abs(result - (share * painted + (1 - share) * beneath)).max() <= 0.501


def test_cut_out_refuses_other_pictures():
    with pytest.raises(ValueError, match=r"not RGB \(4, 3\) and L \(3, 4\)"):
        cut_out(flat((1, 2, 3)), Image.new("L", (3, 4)))
    with pytest.raises(ValueError, match="not RGBA"):
        cut_out(flat((1, 2, 3, 4)), Image.new("L", (4, 3)))


# Finishing


def test_finish_with_1_leaves_the_picture_as_it_is():
    image = noise(6, (40, 30))
    assert finish(image).tobytes() == image.tobytes()


@pytest.mark.parametrize("name", ["brightness", "contrast", "color", "sharpness"])
def test_each_finish_is_its_enhancer(name):
    image = noise(6, (40, 30))
    before = image.tobytes()
    expected = getattr(ImageEnhance, name.capitalize())(image).enhance(1.3)
    assert finish(image, **{name: 1.3}).tobytes() == expected.tobytes()
    assert expected.tobytes() != before
    assert image.tobytes() == before
    with pytest.raises(ValueError, match=f"{name} must be 0 or more, this one is -1"):
        finish(image, **{name: -1})


def test_finish_goes_from_brightness_to_sharpness():
    image = noise(6, (40, 30))
    expected = image
    for enhancer, factor in [("Brightness", 1.4), ("Contrast", 0.7), ("Color", 1.5), ("Sharpness", 2)]:
        expected = getattr(ImageEnhance, enhancer)(expected).enhance(factor)
    assert finish(image, sharpness=2, color=1.5, contrast=0.7, brightness=1.4).tobytes() == expected.tobytes()


def test_a_layer_is_blended_where_it_is_seen_and_nowhere_else(monkeypatch):
    blended = []

    def count(cb, cs):
        blended.append(cs.shape[0] * cs.shape[1])
        return cs

    monkeypatch.setitem(BLEND_MODES, "normal", count)
    size = (96, 3 * BAND)
    subject = Image.new("RGBA", size)
    subject.paste((200, 100, 0, 255), (10, 20, 30, 20 + BAND))
    for layer, seen in [
        (Layer(subject), 20 * BAND),
        (Layer(subject, position=(80, 0)), 6 * BAND),
        (Layer(subject, position=(96, 0)), 0),
        (Layer(subject, opacity=0), 0),
        (Layer(Image.new("RGBA", size)), 0),
        (Layer(noise(9, size), opacity=0.3, blur=2), size[0] * size[1]),
    ]:
        blended.clear()
        flatten(size, [layer])
        assert sum(blended) == seen
