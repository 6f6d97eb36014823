"""Extents promise that a drawn mask stays within them: the DAG leaves out what lies beyond."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from strata.errors import StrataError
from strata.imaging import masks
from strata.mask_extents import Box, mask_box, shape_box

CANVAS = Box(0, 0, 96, 64)


def make_mask(*shapes, grow=0, feather=0) -> dict:
    drawn = {"shapes": shapes, "image": None, "fit": "cover", "invert": False, "grow": grow, "feather": feather}
    return drawn | {"layer": None, "offset": [0.0, 0.0], "flip": "none", "text": None}


sides = st.floats(-40, 140, allow_nan=False).map(lambda side: round(side, 1))
spans = st.floats(4, 80).map(lambda span: round(span, 1))
boxes = st.tuples(sides, sides, spans, spans).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])
shapes = st.one_of(
    boxes.map(lambda bbox: {"shape": "ellipse", "bbox": bbox}),
    boxes.map(lambda bbox: {"shape": "rectangle", "bbox": bbox}),
    boxes.map(lambda bbox: {"shape": "rounded_rectangle", "bbox": bbox, "radius": 5.0}),
    st.lists(st.tuples(sides, sides), min_size=3, max_size=5).map(
        lambda points: {"shape": "polygon", "points": [list(point) for point in points]}
    ),
    st.tuples(sides, sides, spans).map(
        lambda c: {"shape": "radial_gradient", "center": [c[0], c[1]], "radius": c[2], "inner": 0.0}
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    described=st.lists(shapes, min_size=1, max_size=3),
    grow=st.integers(-6, 12),
    feather=st.sampled_from([0.0, 1.5, 8.0]),
    scale=st.sampled_from([0.25, 0.5, 1.0, 2.0]),
)
def test_what_is_drawn_lies_within_the_box(described, grow, feather, scale):
    mask = make_mask(*described, grow=grow, feather=feather)
    size = round(96 * scale), round(64 * scale)
    if not any(shape_box(shape).meets(CANVAS) for shape in described):
        with pytest.raises(StrataError, match="outside the canvas"):
            masks.draw(mask, size, scale, "mask")
        return
    drawn = masks.draw(mask, size, scale, "mask")
    box = mask_box(mask, CANVAS, scale)
    ys, xs = np.nonzero(np.asarray(drawn))
    if len(xs):
        assert box.left * scale <= xs.min()
        assert box.top * scale <= ys.min()
        assert box.right * scale >= xs.max() + 1
        assert box.bottom * scale >= ys.max() + 1


def test_shapes_that_run_off_the_canvas_do_not_shrink_there():
    mask = make_mask({"shape": "rectangle", "bbox": [-5, 0, 40, 32]}, grow=-20)
    drawn = np.asarray(masks.draw(mask, (48, 32), 1.0, "mask"))
    assert (drawn[:, :20] == 255).all()  # 40 less 20; the other three sides run off
    assert (drawn[:, 20:] == 0).all()
    box = mask_box(mask, Box(0, 0, 48, 32), 1.0)
    assert box.left <= 0
    assert box.top <= 0
    assert box.right >= 20
    assert box.bottom >= 32


@pytest.mark.parametrize(
    "change",
    [{"invert": True}, {"shapes": None}, {"shapes": [{"shape": "linear_gradient", "start": [0, 0], "end": [1, 0]}]}],
)
def test_what_has_no_end_fills_the_canvas(change):
    mask = make_mask({"shape": "rectangle", "bbox": [0, 0, 9, 9]}) | change
    assert mask_box(mask, CANVAS, 1.0) == CANVAS


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(0, 60), st.integers(0, 40), st.integers(1, 40), st.integers(1, 30)),
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)),
    st.sampled_from(["none", "horizontal", "vertical"]),
    st.sampled_from([0.5, 1.0, 1.5]),
)
def test_a_mask_of_a_layer_stays_within_its_box(tmp_path_factory, box, offset, flip, scale):
    left, top, right, bottom = box[0], box[1], min(box[0] + box[2], 96), min(box[1] + box[3], 64)
    size = round(96 * scale), round(64 * scale)
    layer = Image.new("RGBA", size)
    layer.paste((9, 9, 9, 255), tuple(round(side * scale) for side in (left, top, right, bottom)))
    path = tmp_path_factory.getbasetemp() / "layer.png"
    layer.save(path)
    mask = make_mask(grow=2, feather=1.5) | {"shapes": None, "layer": "x", "offset": [*offset], "flip": flip}
    drawn = np.asarray(masks.draw(mask, size, scale, "mask", layer=str(path)))
    reach = mask_box(mask, CANVAS, scale, Box(left, top, right, bottom).grown(1))
    ys, xs = np.nonzero(drawn)
    if len(xs):
        assert reach.left * scale <= xs.min()
        assert reach.top * scale <= ys.min()
        assert reach.right * scale >= xs.max() + 1
        assert reach.bottom * scale >= ys.max() + 1


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (Box(0, 0, 10, 10), Box(9, 9, 20, 20), True),
        (Box(0, 0, 10, 10), Box(10, 0, 20, 10), False),
        (Box(0, 0, 10, 10), Box(2, 2, 3, 3), True),
        (Box(0, 0, 10, 10), Box(0, 11, 10, 12), False),
    ],
)
def test_boxes_meet_where_they_share_area(one, other, meet):
    assert one.meets(other) == other.meets(one) == meet
