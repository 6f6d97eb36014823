"""Layered files: what they hold, and that they show the final picture to the byte, merged and recomposed from their own layers."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from psd_tools import PSDImage

from helpers import exported
from helpers.exported import MODES, NO_FINISH, READERS, cut, make_picture, noise, typical
from strata.errors import StrataError
from strata.exports import openraster, psd, stack
from strata.imaging import compositing
from strata.imaging.compositing import Layer, flatten, quantise

formats = pytest.mark.parametrize("name", READERS)


def recompose(layers: list[tuple[str, Layer]], size: tuple[int, int]) -> Image.Image:
    return flatten(size, [layer for _, layer in layers])


@formats
@pytest.mark.parametrize("finish", [exported.FINISH, NO_FINISH], ids=["finished", "plain"])
def test_a_file_shows_the_final_picture_to_the_byte(name, finish):
    picture = typical(finish=finish)
    encode, read = READERS[name]
    layers, merged = read(encode(picture))
    assert merged.convert("RGB").tobytes() == picture.final.tobytes()
    assert recompose(layers, picture.size).tobytes() == picture.final.tobytes()


@formats
def test_beneath_the_finish_lies_the_live_stack_to_the_byte(name):
    picture = typical()
    encode, read = READERS[name]
    layers, _ = read(encode(picture))
    assert [layer for layer, _ in layers] == ["background", "astronaut", "rover", "fog", "grain", "finish"]
    assert recompose(layers[:-1], picture.size).tobytes() == picture.flat.tobytes()
    plain, _ = read(encode(typical(finish=NO_FINISH)))
    assert "finish" not in [layer for layer, _ in plain]


@formats
@pytest.mark.parametrize("mode", MODES)
def test_every_blend_mode_is_one_of_the_file(name, mode):
    picture = exported.in_mode(mode)
    encode, read = READERS[name]
    layers, _ = read(encode(picture))
    assert layers[-1][1].blend == mode
    assert recompose(layers, picture.size).tobytes() == picture.final.tobytes()


@formats
@settings(max_examples=25, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    opacity=st.floats(0, 1),
    blur=st.sampled_from([0, 0.7, 3]),
    position=st.tuples(st.integers(-40, 60), st.integers(-40, 60)),
    lowest=st.booleans(),
)
def test_whatever_a_layer_has_comes_out_to_the_byte(name, mode, opacity, blur, position, lowest):
    size = (64, 48)
    layer = Layer(cut(2, size, (30, 20), 15), opacity, blur, mode, position)
    layers = [("background", "background", Layer(noise(1, size)))] * (not lowest) + [("disc", "subject", layer)]
    picture = make_picture(layers, size)
    encode, read = READERS[name]
    found, _ = read(encode(picture))
    assert recompose(found, size).tobytes() == picture.final.tobytes()


@formats
def test_the_same_picture_gives_the_same_bytes(name):
    encode, _ = READERS[name]
    assert encode(typical()) == encode(typical())


@settings(deadline=None)
@given(opacity=st.floats(0, 1), blur=st.sampled_from([0, 1, 5]))
def test_a_quantised_layer_is_what_8_bits_hold_and_stays_so(opacity, blur):
    layer = quantise(Layer(cut(2, (40, 30), (20, 15), 8), opacity, blur))
    assert layer.blur == 0
    assert layer.opacity * 255 == pytest.approx(round(layer.opacity * 255), abs=1e-9)
    assert abs(layer.opacity - opacity) <= 0.5 / 255 + 1e-9
    assert quantise(layer) == layer


def test_quantising_changes_a_picture_by_a_level_at_most():
    size = (96, 64)
    stacked = [Layer(noise(1, size)), Layer(cut(2, size, (40, 30), 25), 0.3, 2.5)]
    exact, quantised = (np.asarray(flatten(size, each)).astype(int) for each in (stacked, map(quantise, stacked)))
    assert np.abs(exact - quantised).max() <= 1


@formats
def test_subjects_and_effects_are_in_groups(name):
    content = READERS[name][0](typical())
    if name == "psd":
        document = PSDImage.open(io.BytesIO(content))
        groups = {group.name: [layer.name for layer in group] for group in document if group.is_group()}
        assert groups == {"subjects": ["astronaut", "rover"], "effects": ["fog", "grain"]}
    else:
        text = zipfile.ZipFile(io.BytesIO(content)).read("stack.xml").decode()
        assert text.index('name="effects"') < text.index('name="grain"') < text.index('name="fog"')
        assert text.index('name="subjects"') < text.index('name="rover"') < text.index('name="astronaut"')


def test_a_subjects_soft_edge_is_a_layer_mask_with_colour_beyond_it():
    """Moved outwards, the mask shows what was beneath, and no black."""
    picture = typical(finish=NO_FINISH)
    document = PSDImage.open(io.BytesIO(psd.encode(picture)))
    astronaut = next(layer for layer in document.descendants() if layer.name == "astronaut")
    mask = np.asarray(astronaut.mask.topil())
    assert {0, 255} <= set(np.unique(mask))
    assert len(np.unique(mask)) > 20
    x, y = astronaut.offset
    beneath = np.asarray(picture.layers[0].layer.image.crop((x, y, x + astronaut.width, y + astronaut.height)))
    colour = np.asarray(astronaut.topil().convert("RGB"))
    assert (colour[mask == 0] == beneath[mask == 0]).all()
    assert (mask == 0).mean() > 0.3  # a margin


@formats
def test_black_lies_beneath_a_stack_that_does_not_cover_the_canvas(name):
    picture = make_picture([("background", "background", Layer(noise(1, (64, 48)), position=(10, 0)))], (64, 48))
    encode, read = READERS[name]
    layers, _ = read(encode(picture))
    assert [layer for layer, _ in layers] == ["backdrop", "background"]
    assert recompose(layers, picture.size).tobytes() == picture.final.tobytes()


def test_an_openraster_file_is_what_the_standard_says():
    content = openraster.encode(typical())
    archive = zipfile.ZipFile(io.BytesIO(content))
    first = archive.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert content[30:54] == b"mimetypeimage/openraster"
    with Image.open(io.BytesIO(archive.read("Thumbnails/thumbnail.png"))) as thumbnail:
        assert max(thumbnail.size) <= 256


def test_a_layer_that_stands_twice_has_two_names():
    fog = ("fog", "effect", Layer(noise(4, (64, 48)), 0.5))
    assert stack._name(["background", "fog", "fog", "fog"]) == ["background", "fog", "fog 2", "fog 3"]
    picture = make_picture([("background", "background", Layer(noise(1, (64, 48)))), fog], (64, 48))
    assert picture.layers[1].level == 128


def test_a_picture_that_is_larger_than_a_psd_is_a_sentence():
    with pytest.raises(StrataError, match=r"^The scene is 30001 x 1 pixels, and a PSD has at most 30000"):
        psd.encode(make_picture([("background", "background", Layer(Image.new("RGB", (30001, 1))))], (30001, 1)))


def test_a_layer_of_another_size_is_a_sentence(tmp_path):
    noise(1, (64, 48)).save(tmp_path / "small.png")
    spec = {
        "stack": [{"layer": "background", "opacity": 1.0, "blur": 0.0, "blend": "normal", "position": [0, 0]}],
        "depth": None,
        "kinds": ["background"],
        "finish": NO_FINISH,
        "width": 96,
        "height": 64,
        "code": "",
    }
    with pytest.raises(StrataError, match="is 64 x 48 pixels, but its scene is 96 x 64"):
        stack.read(spec, str(tmp_path / "small.png"), [str(tmp_path / "small.png")])


def test_a_layer_is_cropped_to_what_is_seen_and_stays_in_its_place():
    layer = compositing.Layer(cut(2, (64, 48), (30, 20), 8), position=(-3, 5))
    cropped = stack.crop_to_seen(layer)
    assert cropped.image.width < 40
    assert flatten((64, 48), [cropped]).tobytes() == flatten((64, 48), [layer]).tobytes()
    nothing = stack.crop_to_seen(compositing.Layer(Image.new("RGBA", (64, 48))))
    assert nothing.image.size == (1, 1)
