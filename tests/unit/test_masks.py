import math
import os
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.errors import StrataError
from strata.imaging import masks

GOLDEN = pathlib.Path(__file__).parent / "golden"
KEY = "subjects.astronaut.mask"


def described(*shapes, **changes):
    defaults = {"image": None, "fit": "cover", "invert": False, "grow": 0, "feather": 0}
    defaults |= {"layer": None, "offset": [0.0, 0.0], "flip": "none", "text": None}
    return {"shapes": list(shapes) or None} | defaults | changes


def drawn(*shapes, size=(48, 32), scale=1.0, **changes):
    return masks.draw(described(*shapes, **changes), size, scale, KEY)


def values(image):
    return np.asarray(image).astype(int)


def rectangle(*bbox):
    return {"shape": "rectangle", "bbox": list(bbox)}


def ellipse(*bbox):
    return {"shape": "ellipse", "bbox": list(bbox)}


def polygon(*points):
    return {"shape": "polygon", "points": [list(point) for point in points]}


TURNS = np.arange(5) * 0.8 * math.pi  # every other corner of a pentagon, so that the edges cross
STAR = polygon(*np.stack([24 + 15 * np.sin(TURNS), 16 - 15 * np.cos(TURNS)], axis=1).tolist())
GOLDEN_MASKS = {
    "ellipse": described(ellipse(4, 3, 40, 29.5)),
    "rectangle": described(rectangle(4.25, 3.5, 40, 20)),
    "rounded_rectangle": described({"shape": "rounded_rectangle", "bbox": [4, 3, 44, 29], "radius": 8}),
    "polygon": described(STAR),
    "linear_gradient": described({"shape": "linear_gradient", "start": [8, 4], "end": [40, 28]}),
    "radial_gradient": described({"shape": "radial_gradient", "center": [20, 16], "radius": 18, "inner": 4}),
    "union": described(ellipse(2, 2, 22, 30), rectangle(18, 10, 46, 22), grow=2, feather=1.5),
    "inverted": described(ellipse(8, 4, 40, 28), invert=True, grow=-3, feather=2),
}


@pytest.mark.parametrize("name", GOLDEN_MASKS)
def test_golden(name):
    """STRATA_WRITE_GOLDEN=1 writes these pictures anew: look at them before you commit them."""
    image = masks.draw(GOLDEN_MASKS[name], (48, 32), 1.0, KEY)
    path = GOLDEN / f"mask_{name}.png"
    if os.environ.get("STRATA_WRITE_GOLDEN"):
        image.save(path)
    with Image.open(path) as golden:
        assert (image.mode, image.size) == (golden.mode, golden.size)
        assert np.abs(values(image) - values(golden)).max() <= 1


# Shapes


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (rectangle(3, 4, 13, 24), 200),
        (rectangle(3.3, 4.7, 13.9, 24.2), 10.6 * 19.5),
        (ellipse(4, 3, 40, 29), math.pi * 18 * 13),
        (ellipse(4.4, 3.1, 40.2, 29.8), math.pi * 17.9 * 13.35),
        ({"shape": "rounded_rectangle", "bbox": [4, 3, 44, 29], "radius": 8}, 40 * 26 - (4 - math.pi) * 64),
        ({"shape": "rounded_rectangle", "bbox": [4, 3, 44, 29], "radius": 99}, 40 * 26 - (4 - math.pi) * 169),
        (polygon((5, 5), (35, 5), (5, 25)), 300),
        (polygon((5, 25), (35, 5), (5, 5)), 300),  # the other way round
        (polygon((2, 2), (20, 2), (20, 22), (11, 12), (2, 22)), 18 * 20 - 90),  # a notch
        (polygon((4, 4), (20, 20), (20, 4), (4, 20)), 128),  # a bow tie: both halves
    ],
)
def test_a_shape_covers_its_area(shape, area):
    assert values(drawn(shape)).sum() / 255 == pytest.approx(area, abs=0.7)


def test_a_polygon_that_crosses_itself_is_filled_throughout():
    assert drawn(STAR).getpixel((24, 16)) == 255


def test_pixels_are_squares_between_coordinates():
    picture = values(drawn(rectangle(2, 1, 5.5, 3.25), size=(8, 5)))
    assert picture.tolist() == [
        [0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 255, 255, 255, 128, 0, 0],
        [0, 0, 255, 255, 255, 128, 0, 0],
        [0, 0, 64, 64, 64, 32, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]


def test_what_runs_off_the_canvas_is_cut_off():
    whole = values(drawn(ellipse(-20, -10, 30, 25), size=(100, 100)))
    assert (values(drawn(ellipse(-20, -10, 30, 25))) == whole[:32, :48]).all()
    far = polygon((-1e7, -1e7), (1e7, -1e7), (1e7, 1e7), (-1e7, 1e7))
    assert values(drawn(far)).min() == 255


def test_gradients_run_as_described():
    linear = values(drawn({"shape": "linear_gradient", "start": [10, 0], "end": [20, 0]}, size=(30, 2)))
    assert linear[0, :10].max() == 0
    assert linear[0, 10:20].tolist() == [round(255 * (x + 0.5) / 10) for x in range(10)]
    assert linear[0, 20:].min() == 255
    assert (linear[0] == linear[1]).all()
    radial = values(drawn({"shape": "radial_gradient", "center": [0, 0.5], "radius": 20, "inner": 10}, size=(30, 1)))
    assert radial[0, :10].min() == 255
    assert radial[0, 10:20].tolist() == [round(255 * (9.5 - x) / 10) for x in range(10)]
    assert radial[0, 20:].max() == 0
    falling = values(drawn({"shape": "radial_gradient", "center": [0, 0.5], "radius": 10}, size=(30, 1)))
    assert falling[0, :10].tolist() == [round(255 * (9.5 - x) / 10) for x in range(10)]


def test_shapes_unite_by_their_maximum():
    one = {"shape": "linear_gradient", "start": [0, 0], "end": [48, 0]}
    two = ellipse(4, 4, 20, 20)
    assert (values(drawn(one, two)) == np.maximum(values(drawn(one)), values(drawn(two)))).all()
    assert (values(drawn(two, one)) == values(drawn(one, two))).all()


@pytest.mark.parametrize("name", GOLDEN_MASKS)
def test_scale_renders_the_same_scene_larger(name):
    small = values(masks.draw(GOLDEN_MASKS[name], (48, 32), 1.0, KEY))
    large = masks.draw(GOLDEN_MASKS[name], (192, 128), 4.0, KEY)
    # A disc of 2 pixels is coarser than one of 8; a length that scale left out would cost 15 levels.
    assert np.abs(values(large.reduce(4)) - small).mean() < (4 if GOLDEN_MASKS[name]["grow"] else 0.3)


# Inverted, then grown, then feathered


def test_invert():
    assert (values(drawn(STAR, invert=True)) == 255 - values(drawn(STAR))).all()


def test_grow_spreads_a_point_to_a_disc_and_keeps_the_soft_edge():
    grown = values(drawn(rectangle(24, 16, 25, 17), grow=5))
    y, x = np.mgrid[:32, :48]
    assert (grown == 255 * ((x - 24) ** 2 + (y - 16) ** 2 <= 25)).all()
    assert values(drawn(rectangle(10, 10, 20.5, 20), grow=4))[15, 20:26].tolist() == [255, 255, 255, 255, 128, 0]


def test_grow_is_in_canvas_pixels():
    twice = values(drawn(rectangle(8, 8, 10, 10), grow=2, scale=2, size=(96, 64)))
    assert (twice == values(drawn(rectangle(16, 16, 20, 20), grow=4, size=(96, 64)))).all()


def test_shrinking_is_growing_the_rest():
    assert (values(drawn(rectangle(10, 5, 30, 25), grow=-4)) == values(drawn(rectangle(14, 9, 26, 21)))).all()
    assert drawn(ellipse(10, 5, 30, 25), grow=-11).getbbox() is None


def test_shrinking_leaves_the_canvas_border_alone():
    assert (values(drawn(rectangle(-9, -9, 20, 40), grow=-4)) == values(drawn(rectangle(0, 0, 16, 32)))).all()


def test_inverting_comes_before_growing():
    hole = values(drawn(rectangle(10, 5, 30, 25), invert=True, grow=4))
    assert (hole == 255 - values(drawn(rectangle(10, 5, 30, 25), grow=-4))).all()


@pytest.mark.parametrize("feather", [1, 1.5, 4, 10, 32])
@pytest.mark.parametrize("scale", [0.5, 1, 2])
def test_a_feathered_edge_fades_from_98_to_2_percent(feather, scale):
    size = (round(400 * scale), 3)
    row = values(drawn(rectangle(-10, -10, 200, 10), feather=feather, size=size, scale=scale))[1] / 255
    centres = (np.arange(size[0]) + 0.5) / scale
    inside, edge, outside = np.interp([200 - 2 * feather, 200, 200 + 2 * feather], centres, row)
    tolerance = 0.012 if feather * scale >= 2 else 0.08
    assert inside == pytest.approx(0.977, abs=tolerance)
    assert edge == pytest.approx(0.5, abs=0.01)
    assert outside == pytest.approx(0.023, abs=tolerance)
    assert (np.diff(row) <= 0).all()


def test_feathering_comes_last_and_does_not_darken_the_border():
    feathered = values(drawn(rectangle(-5, -5, 24, 40), grow=4, feather=4))
    assert (feathered == feathered[0]).all()
    assert feathered[0, 0] == 255
    assert feathered[0, 27] > 128 > feathered[0, 28]


def test_the_same_description_gives_the_same_picture_and_stays_as_it_was():
    description = GOLDEN_MASKS["union"]
    before = repr(description)
    first, second = (masks.draw(description, (48, 32), 1.0, KEY) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.mode == "L"
    assert repr(description) == before


coordinates = st.floats(-60, 110).map(lambda value: round(value, 2))
lengths = st.floats(0.5, 60).map(lambda value: round(value, 2))
boxes = st.tuples(coordinates, coordinates, lengths, lengths).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
points = st.tuples(coordinates, coordinates).map(list)
bounded_shapes = st.one_of(
    st.fixed_dictionaries({"shape": st.sampled_from(["ellipse", "rectangle"]), "bbox": boxes}),
    st.fixed_dictionaries({"shape": st.just("rounded_rectangle"), "bbox": boxes, "radius": lengths}),
    st.fixed_dictionaries({"shape": st.just("polygon"), "points": st.lists(points, min_size=3, max_size=6)}),
    st.fixed_dictionaries({"shape": st.just("radial_gradient"), "center": points, "radius": lengths}),
)


@settings(max_examples=300, deadline=None)
@given(
    shapes=st.lists(bounded_shapes, min_size=1, max_size=3),
    grow=st.integers(-12, 12),
    feather=st.one_of(st.just(0), st.floats(0.05, 9)),
    scale=st.sampled_from([0.05, 0.3, 1, 1.37, 2]),
)
def test_a_mask_stays_within_its_promised_reach(shapes, grow, feather, scale):
    size = (max(round(60 * scale), 1), max(round(48 * scale), 1))
    try:
        box = masks.draw(described(*shapes, grow=grow, feather=feather), size, scale, KEY).getbbox()
    except StrataError:
        return  # off the canvas
    corners = []
    for shape in shapes:
        if "points" in shape:
            corners += shape["points"]
        elif "center" in shape:
            (x, y), radius = shape["center"], shape["radius"]
            corners += [[x - radius, y - radius], [x + radius, y + radius]]
        else:
            corners += [shape["bbox"][:2], shape["bbox"][2:]]
    reach = max(grow, 0) * scale + 3 * feather * scale + 3
    low = np.floor(np.min(corners, axis=0) * scale - reach)
    high = np.ceil(np.max(corners, axis=0) * scale + reach)
    if box is not None:
        assert (box[:2] >= low).all()
        assert (box[2:] <= high).all()


# Image files


@pytest.fixture
def saved(tmp_path):
    def save(image, name="mask.png"):
        path = tmp_path / name
        image.save(path)
        return str(path)

    return save


def halves(mode, dark, light, size=(40, 20)):
    image = Image.new(mode, size, dark)
    image.paste(light, (size[0] // 2, 0, *size))
    return image


def test_an_image_counts_by_its_luminance(saved):
    path = saved(halves("RGB", (0, 0, 0), (255, 255, 255)))
    assert (values(drawn(image=path, size=(40, 20))) == values(halves("L", 0, 255))).all()


def test_an_image_counts_by_its_alpha_if_it_is_transparent_anywhere(saved):
    path = saved(halves("RGBA", (255, 255, 255, 0), (0, 0, 0, 200)))
    assert (values(drawn(image=path, size=(40, 20))) == values(halves("L", 0, 200))).all()
    opaque = saved(halves("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)), "opaque.png")
    assert (values(drawn(image=opaque, size=(40, 20))) == values(halves("L", 0, 255))).all()


def test_other_kinds_of_image_count_too(saved):
    palette = halves("P", 0, 1)
    palette.putpalette([255, 255, 255, 0, 0, 0])
    palette.info["transparency"] = 0
    assert (values(drawn(image=saved(palette), size=(40, 20))) == values(halves("L", 0, 255))).all()
    deep = Image.fromarray(np.where(np.arange(40) < 20, 16448, 65535).astype(np.uint16)[None].repeat(20, 0))
    assert deep.mode == "I;16"
    assert (values(drawn(image=saved(deep, "deep.png"), size=(40, 20))) == values(halves("L", 64, 255))).all()
    bits = halves("1", 0, 1)
    assert (values(drawn(image=saved(bits, "bits.png"), size=(40, 20))) == values(halves("L", 0, 255))).all()


def test_a_photograph_is_turned_upright(saved):
    image = halves("L", 0, 255)
    path = saved(image, "lying.png")
    exif = image.getexif()
    exif[0x0112] = 3  # lying upside down
    image.save(path, exif=exif)
    assert (values(drawn(image=path, size=(40, 20))) == values(halves("L", 255, 0))).all()


def test_fit(saved):
    path = saved(halves("L", 0, 255, size=(40, 20)))
    cover = values(drawn(image=path, size=(20, 20), fit="cover"))
    assert (cover[:, :8].max(), cover[:, 12:].min()) == (0, 255)
    contain = values(drawn(image=path, size=(20, 20), fit="contain"))
    assert contain[:4].max() == contain[16:].max() == 0
    assert contain[6:14, 13:].min() == 255
    stretch = values(drawn(image=path, size=(20, 20), fit="stretch"))
    assert (stretch[:, :7].max(), stretch[:, 13:].min()) == (0, 255)


def test_an_image_is_inverted_and_feathered_like_shapes(saved):
    picture = values(drawn(image=saved(halves("L", 0, 255, size=(96, 32))), size=(96, 32), invert=True, feather=8))
    assert (picture[:, 0].min(), picture[:, -1].max()) == (255, 0)
    assert 0 < picture[0, 50] < 128


def test_an_image_that_cannot_be_read_is_refused_in_a_sentence(saved, tmp_path):
    with pytest.raises(StrataError, match=r"astronaut\.mask\.image is '.*no\.png', but there is no such file"):
        drawn(image=str(tmp_path / "no.png"))
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8))
    whole = pathlib.Path(saved(noise)).read_bytes()
    contents = {"half.png": whole[: len(whole) // 2], "text.png": b"white on black", "empty.png": b""}
    contents["flipped.png"] = whole[:20] + bytes([whole[20] ^ 255]) + whole[21:]
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(StrataError, match=rf"mask\.image is '.*{name}', which cannot be read as an image"):
            drawn(image=str(tmp_path / name))
    with pytest.raises(StrataError, match="cannot be read as an image"):
        drawn(image=str(tmp_path))


# What is refused


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (rectangle(20, 4, 10, 8), r"mask\.shapes\[1\]\.bbox is \[20, 4, 10, 8\].*left < right"),
        (ellipse(4, 8, 10, 8), r"mask\.shapes\[1\]\.bbox is \[4, 8, 10, 8\].*top < bottom"),
        (ellipse(4, 8, math.inf, 18), r"mask\.shapes\[1\]\.bbox is \[4, 8, inf, 18\].*finite"),
        (polygon((0, 0), (math.nan, 5), (5, 5)), r"mask\.shapes\[1\]\.points .*finite"),
        ({"shape": "linear_gradient", "start": [3, 4], "end": [3, 4]}, r"mask\.shapes\[1\]: .*\[3, 4\].*no direction"),
        ({"shape": "radial_gradient", "center": [3, 4], "radius": 5, "inner": 5}, r"inner is 5 and radius 5"),
        ({"shape": "heart"}, r"mask\.shapes\[1\]\.shape is 'heart': it must be one of ellipse, rectangle, "),
    ],
)
def test_a_shape_that_cannot_be_drawn_is_refused(shape, sentence):
    with pytest.raises(StrataError, match=sentence):
        drawn(rectangle(0, 0, 9, 9), shape)


@pytest.mark.parametrize("outside", [(-20, 0, 0, 10), (24, 0, 40, 9), (0, -9, 9, 0), (0, 16, 9, 19)])
def test_shapes_off_the_canvas_are_refused(outside):
    place = r"\({:g}, {:g}\) to \({:g}, {:g}\)".format(*outside)
    sentence = rf"mask\.shapes: all of it lies outside the canvas, from {place}, .* \(0, 0\) to \(24, 16\)"
    with pytest.raises(StrataError, match=sentence):
        drawn(rectangle(*outside), scale=2)
    assert drawn(rectangle(*outside), rectangle(1, 1, 9, 9), scale=2).getbbox() == (2, 2, 18, 18)


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        (described(ellipse(20, 10, 40, 30), grow=-11), r"^subjects\.astronaut\.mask is empty: .* pixel is 0 of 255"),
        (described(rectangle(20, 10, 22, 12), feather=20), r"^subjects\.astronaut\.mask is empty: .*feather"),
        (described(rectangle(-9, -9, 99, 99)), r"^subjects\.astronaut\.mask covers the whole canvas.*255 of 255"),
        (described(rectangle(3, 3, 10.4, 30)), r"^subjects\.astronaut\.mask is too thin: .* 8 x 8 rendered pixels"),
    ],
)
def test_check_refuses(description, sentence):
    with pytest.raises(StrataError, match=sentence):
        masks.check(masks.draw(description, (48, 32), 1.0, KEY), 8, KEY)


def test_check_lets_pass():
    for box in [(3, 3, 11, 11), (40, 24, 48, 32), (0, 0, 48, 31)]:
        masks.check(drawn(rectangle(*box)), 8, KEY)
    with pytest.raises(StrataError, match="too thin"):
        masks.check(drawn(rectangle(3, 3, 11, 11)), 9, KEY)
    with pytest.raises(StrataError, match="too thin"):
        masks.check(Image.fromarray(np.tri(6, 6, dtype=np.uint8) * 255), 8, KEY)


@settings(max_examples=150, deadline=None)
@given(st.tuples(st.integers(1, 9), st.integers(1, 9)), st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_check_finds_the_smallest_square(shape, seed, cell):
    picture = np.where(np.random.default_rng(seed).random(shape) < 0.8, 128, 127).astype(np.uint8)
    squares = [
        picture[y : y + cell, x : x + cell].min()
        for y in range(shape[0] - cell + 1)
        for x in range(shape[1] - cell + 1)
    ]
    mask = Image.fromarray(picture)
    if max(squares, default=0) >= 128:
        masks.check(mask, cell, KEY)
    else:
        with pytest.raises(StrataError, match="too thin" if picture.max() >= 128 else "empty"):
            masks.check(mask, cell, KEY)


# The hard mask and the window


@st.composite
def speckled(draw):
    """(height, width), mostly black with a few specks of any brightness."""
    shape = draw(st.integers(1, 24)), draw(st.integers(1, 24))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.integers(0, 256, shape, dtype=np.uint8) * (random.random(shape) < draw(st.floats(0, 0.2)))


@settings(max_examples=100, deadline=None)
@given(picture=speckled(), cell=st.sampled_from([1, 4, 8, 16]))
def test_hard_is_a_square_dilation_of_what_is_visible(picture, cell):
    expected = np.zeros_like(picture)
    for y, x in np.argwhere(picture >= 5):
        expected[max(y - cell, 0) : y + cell + 1, max(x - cell, 0) : x + cell + 1] = 255
    mask = Image.fromarray(picture)
    hardened = masks.hard(mask, cell)
    assert hardened.mode == "L"
    assert (values(hardened) == expected).all()
    assert (np.asarray(mask) == picture).all()


@pytest.mark.parametrize("feather", [0, 0.5, 2, 4, 6.75, 15])
def test_hard_covers_what_is_visible_of_the_feather_and_one_cell(feather):
    hardened = values(masks.hard(drawn(rectangle(60, -9, 120, 40), size=(240, 20), feather=feather), 8))[10]
    covered = np.flatnonzero(hardened)
    assert covered[0] <= 60 - math.floor(2 * feather) - 8
    assert covered[-1] >= 119 + math.floor(2 * feather) + 8
    assert (covered[0], covered[-1]) != (0, 239)


@settings(max_examples=200, deadline=None)
@given(picture=speckled(), margin=st.integers(0, 12), cell=st.sampled_from([1, 2, 8]))
def test_window(picture, margin, cell):
    height, width = picture.shape
    mask = Image.fromarray(picture)
    if not picture.any():
        with pytest.raises(ValueError, match="no window"):
            masks.window(mask, margin, cell)
        return
    x0, y0, x1, y1 = masks.window(mask, margin, cell)
    rows, columns = np.nonzero(picture)
    for low, high, limit, places in [(x0, x1, width, columns), (y0, y1, height, rows)]:
        wanted = (max(places.min() - margin, 0), min(places.max() + 1 + margin, limit))
        assert 0 <= low <= wanted[0]
        assert wanted[1] <= high <= limit
        assert (high - low) % cell == 0 or (low, high) == (0, limit)
        assert high - low - (wanted[1] - wanted[0]) < cell


def test_window_by_example():
    mask = drawn(rectangle(20, 10, 30, 20), size=(64, 48))
    assert masks.window(mask, 0, 8) == (17, 7, 33, 23)
    assert masks.window(mask, 3, 8) == (17, 7, 33, 23)
    assert masks.window(mask, 15, 8) == (5, 0, 45, 40)
    assert masks.window(mask, 500, 8) == (0, 0, 64, 48)


def test_growing_takes_steps_by_the_radius_and_not_by_its_area(monkeypatch):
    steps = []

    def maximum(*arguments, **named):
        steps.append(1)
        return np_maximum(*arguments, **named)

    np_maximum = np.maximum
    monkeypatch.setattr(np, "maximum", maximum)
    dot = np.zeros((99, 99), np.uint8)
    dot[49, 49] = 255
    for radius in (8, 16, 32):
        steps.clear()
        grown = masks._dilate(dot, radius)
        assert len(steps) <= 4 * radius + 2
        assert np.count_nonzero(grown) > 3 * radius * radius


@pytest.fixture
def layer(tmp_path):
    """A layer that is opaque in a box, and half so in its upper left quarter."""
    image = Image.new("RGBA", (48, 32))
    image.paste((9, 9, 9, 255), (10, 8, 20, 16))
    image.paste((9, 9, 9, 128), (10, 8, 15, 12))
    image.save(tmp_path / "layer.png")
    return str(tmp_path / "layer.png")


def follow(layer, scale=1.0, **changes):
    mask = described(**changes) | {"shapes": changes.get("shapes"), "layer": "astronaut"}
    return values(masks.draw(mask, (48, 32), scale, KEY, layer=layer))


def test_a_mask_of_a_layer_is_its_opacity(layer):
    drawn = follow(layer)
    assert (drawn[8:12, 10:15] == 128).all()
    assert (drawn[12:16, 10:20] == 255).all()
    assert drawn.sum() == 128 * 20 + 255 * 60


@pytest.mark.parametrize(("flip", "half"), [("none", (10, 8)), ("horizontal", (15, 8)), ("vertical", (10, 12))])
@pytest.mark.parametrize("offset", [(0, 0), (4, -2), (-12, 3)])
def test_a_mask_of_a_layer_is_mirrored_within_its_box_and_moved(layer, flip, half, offset):
    drawn = follow(layer, flip=flip, offset=list(offset))
    expected = np.zeros((64, 96), int)
    x, y = 20 + offset[0], 20 + offset[1]
    expected[y + 8 : y + 16, x + 10 : x + 20] = 255
    expected[y + half[1] : y + half[1] + 4, x + half[0] : x + half[0] + 5] = 128
    assert (drawn == expected[20:52, 20:68]).all()


def test_the_offset_of_a_layer_is_in_canvas_pixels(layer):
    assert (follow(layer, scale=0.5, offset=[8, 4]) == follow(layer, offset=[4, 2])).all()


def test_a_layer_unites_with_shapes_and_is_grown_and_feathered_like_them(layer):
    drawn = follow(layer, shapes=[rectangle(30, 8, 40, 16)])
    assert (drawn[8:16, 30:40] == 255).all()
    assert (drawn[12:16, 10:20] == 255).all()
    assert (follow(layer, grow=2)[12:16, 8:22] > 0).all()
    assert 0 < follow(layer, feather=2)[14, 22] < 255
    assert (follow(layer, invert=True) == 255 - follow(layer)).all()


def test_a_layer_that_is_transparent_everywhere_gives_an_empty_mask(tmp_path):
    Image.new("RGBA", (48, 32)).save(tmp_path / "layer.png")
    assert (follow(str(tmp_path / "layer.png")) == 0).all()


def test_the_edge_of_a_mask_is_a_band_on_both_sides_of_it():
    mask = drawn(rectangle(16, 8, 32, 40), size=(48, 32))
    band = values(masks.edge(mask, 3, 0))
    assert (band[20] == [255 * (13 <= x < 19 or 29 <= x < 35) for x in range(48)]).all()
    assert (band[5:11, 20:28] == 255).all()
    assert (band[:4] == 0).all()
    assert (band[12:, 20:28] == 0).all()  # it runs off the canvas below: that border is no edge
    soft = values(masks.edge(mask, 3, 1))
    assert 0 < soft[20, 12] < 255
    assert (soft[20, 16 + 3 + 6 : 32 - 3 - 6] == 0).all()
