"""Layers as PNG files: the same bytes, their provenance inside, and what is read is whole."""

import json

import pytest
from PIL import Image

from strata.errors import StrataError
from strata.imaging import png

SPEC = {
    "prompt": "ein Dünenmeer",
    "negative_prompt": "people",
    "steps": 40,
    "guidance_scale": 8.0,
    "seed": 0,
    "width": 8,
    "height": 4,
    "strength": 0.9,
    "model": {"id": "some/model"},
}


@pytest.fixture
def picture() -> Image.Image:
    return Image.linear_gradient("L").resize((8, 4)).convert("RGB")


def test_a_layer_comes_back_as_it_was(tmp_path, picture):
    png.write(tmp_path / "a.png", picture)
    assert png.read(tmp_path / "a.png", "RGB", (8, 4)).tobytes() == picture.tobytes()


def test_the_same_layer_gives_the_same_bytes(tmp_path, picture):
    for name in "ab":
        png.write(tmp_path / f"{name}.png", picture, png.describe_provenance(SPEC, {"strata": "1"}))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_layer_carries_its_provenance(tmp_path, picture):
    png.write(tmp_path / "a.png", picture, png.describe_provenance(SPEC, {"torch": "2"}))
    with Image.open(tmp_path / "a.png") as image:
        assert json.loads(image.text["strata"]) == {"pass": SPEC, "made_by": {"torch": "2"}}
        assert image.text["parameters"] == (
            "ein Dünenmeer\nNegative prompt: people\n"
            "Steps: 40, CFG scale: 8.0, Seed: 0, Size: 8x4, Model: some/model, Denoising strength: 0.9"
        )


def test_a_retouched_layer_may_have_another_mode(tmp_path, picture):
    picture.convert("P").save(tmp_path / "a.png")
    assert png.read(tmp_path / "a.png", "RGBA", (8, 4)).mode == "RGBA"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "is missing. Build it again: snakemake"),
        (lambda path: path.write_bytes(b""), "cannot be read as a picture"),
        (lambda path: path.write_text("not a picture"), "cannot be read as a picture"),
        (lambda path: path.write_bytes(path.with_name("good.png").read_bytes()[:-60]), "cannot be read as a picture"),
        (lambda path: Image.new("RGB", (9, 4)).save(path), "is 9 x 4 pixels, but its scene is 8 x 4"),
    ],
)
def test_what_is_no_layer_is_refused(tmp_path, make, said):
    noise = Image.effect_noise((8, 4), 50).convert("RGB")
    noise.save(tmp_path / "good.png")
    path = tmp_path / "layer.png"
    make(path)
    with pytest.raises(StrataError) as error:
        png.read(path, "RGB", (8, 4))
    assert str(path) in str(error.value)
    assert said in str(error.value)
