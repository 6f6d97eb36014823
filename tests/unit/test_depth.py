"""Distances from a depth picture, layers that follow them, and depth of field."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from strata.errors import StrataError
from strata.imaging import compositing, depth

SIZE = (40, 20)
NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (20, 40, 3), dtype=np.uint8))
SLOPE = np.tile(np.linspace(0, 1, 40, dtype=np.float32), (20, 1))
FIELD = {"focus": 0.0, "range": 0.2, "blur": 4.0}


def picture(values, mode="L") -> Image.Image:
    deep = np.rint(np.asarray(values) * (65535 if mode == "I;16" else 255))
    return Image.fromarray(deep.astype(np.uint16 if mode == "I;16" else np.uint8))


@pytest.fixture
def read(tmp_path):
    def read(image, near="black", fit="cover", size=SIZE, name="depth.png"):
        image.save(tmp_path / name)
        spec = {"image": str(tmp_path / name), "near": near, "fit": fit, "where": "config.yaml: depth.image"}
        return depth.read(spec, size)

    return read


@pytest.mark.parametrize(("mode", "rounding"), [("L", 1 / 510), ("I;16", 1 / 131070)])
def test_distances_keep_the_precision_of_the_file(read, mode, rounding):
    distance = read(picture(SLOPE, mode))
    assert distance.dtype == np.float32
    assert np.abs(distance - SLOPE).max() <= rounding + 1e-6
    assert np.abs(read(picture(SLOPE, mode), near="white") - (1 - SLOPE)).max() <= rounding + 1e-6


def test_colours_count_by_their_luminance(read):
    assert np.abs(read(picture(SLOPE).convert("RGB")) - SLOPE).max() < 0.003


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_a_depth_picture_is_fitted_without_new_distances(read, fit):
    step = np.zeros((90, 90))
    step[:, 45:] = 1
    distance = read(picture(step), fit=fit)
    assert distance.shape == (20, 40)
    assert distance.min() == 0
    assert distance.max() == 1
    assert (np.diff(distance[10, 12:28]) >= 0).all()


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "there is no such file"), (b"", "cannot be read as an image"), ("flat", "one flat grey")],
)
def test_what_shows_no_distances_is_a_sentence(tmp_path, content, said):
    if content == "flat":
        Image.new("L", SIZE, 90).save(tmp_path / "depth.png")
    elif content is not None:
        (tmp_path / "depth.png").write_bytes(content)
    spec = {"image": str(tmp_path / "depth.png"), "near": "white", "fit": "cover", "where": "config.yaml: depth.image"}
    with pytest.raises(StrataError, match=f"^config.yaml: depth.image is .*{said}"):
        depth.read(spec, SIZE)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0.0, 1.0, [0, 0.5, 1]), (0.5, 1.0, [0, 0, 1]), (0.5, 0.0, [1, 0, 0]), (1, 0, [1, 0.5, 0])],
)
def test_a_ramp_goes_from_start_to_end(start, end, expected):
    distance = np.array([[0, 0.5, 1]], np.float32)
    assert depth.ramp(distance, {"start": start, "end": end}).tolist() == [expected]


def test_a_veil_multiplies_the_opacity_where_the_canvas_is():
    beneath = compositing.Layer(NOISE)
    veil = depth.ramp(SLOPE, {"start": 0.5, "end": 1.0})
    white = Image.new("RGB", (30, 20), "white")
    fog = compositing.Layer(white, opacity=0.5, position=(10, 0), veil=veil)
    foggy = np.asarray(compositing.flatten(SIZE, [beneath, fog])).astype(float)
    plain = np.asarray(NOISE).astype(float)
    assert (foggy[:, :20] == plain[:, :20]).all()  # nearer than the start, bit for bit
    alpha = 0.5 * veil[:, 20:, None]
    assert np.abs(foggy[:, 20:] - (alpha * 255 + (1 - alpha) * plain[:, 20:])).max() <= 0.51


def test_a_veil_of_ones_changes_nothing():
    layers = [
        compositing.Layer(NOISE),
        compositing.Layer(NOISE.rotate(180).convert("RGBA"), 0.4, 2.0, "screen", (3, -2)),
    ]
    veiled = [replace(layer, veil=np.ones((20, 40), np.float32)) for layer in layers]
    assert compositing.flatten(SIZE, layers).tobytes() == compositing.flatten(SIZE, veiled).tobytes()


def test_what_is_in_focus_stays_bit_for_bit():
    blurred = np.asarray(depth.defocus(NOISE, SLOPE, FIELD))
    sharp = SLOPE <= 0.2
    assert (blurred[sharp] == np.asarray(NOISE)[sharp]).all()
    assert (blurred[~sharp] != np.asarray(NOISE)[~sharp]).any()


def test_the_blur_grows_with_the_distance_from_the_focus():
    blurred = np.asarray(depth.defocus(NOISE, SLOPE, FIELD)).astype(float)
    roughness = [np.abs(np.diff(blurred[:, x : x + 8], axis=0)).mean() for x in (0, 12, 20, 32)]
    assert roughness == sorted(roughness, reverse=True)
    assert roughness[3] < roughness[0] / 5


def test_a_flat_distance_out_of_focus_is_an_ordinary_blur():
    """But for the edges: all lies in one slice."""
    far = np.ones((20, 40), np.float32)
    expected = compositing.flatten(SIZE, [compositing.Layer(NOISE, blur=4.0)])
    difference = np.asarray(depth.defocus(NOISE, far, FIELD)).astype(int) - np.asarray(expected)
    assert np.abs(difference).max() <= 1


def test_nothing_sharp_bleeds_into_what_is_blurred_behind_it():
    colors = np.zeros((20, 40, 3), np.uint8)
    colors[:, :20] = (255, 0, 0)  # near and in focus
    colors[:, 20:] = (0, 0, 255)
    distance = np.zeros((20, 40), np.float32)
    distance[:, 20:] = 1
    assert (np.asarray(depth.defocus(Image.fromarray(colors), distance, FIELD)) == colors).all()


def test_what_is_near_and_blurred_spreads_over_what_is_behind():
    colors = np.zeros((20, 40, 3), np.uint8)
    colors[:, :20] = (255, 0, 0)
    colors[:, 20:] = (0, 0, 255)
    distance = np.zeros((20, 40), np.float32)
    distance[:, 20:] = 1
    blurred = np.asarray(depth.defocus(Image.fromarray(colors), distance, FIELD | {"focus": 1.0})).astype(int)
    red = blurred[10, :, 0]
    assert (np.diff(red) <= 0).all()
    assert 0 < red[22] < 128 < red[17] < 255
    assert (np.abs(blurred.sum(axis=2) - 255) <= 1).all()
    assert (blurred[:, 39] == (0, 0, 255)).all()


def test_a_range_that_leaves_nothing_to_blur_is_refused():
    with pytest.raises(ValueError, match="nothing is out of focus"):
        depth.defocus(NOISE, SLOPE, {"focus": 0.5, "range": 0.5, "blur": 4.0})
