"""Seals: an untouched PNG is told from any other, whatever was done to it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from strata.seals import UNKEYED, read_seal, seal

KEY = "0123456789abcdef" * 4


def make_png(key: str = KEY) -> bytes:
    png = io.BytesIO()
    Image.linear_gradient("L").resize((24, 16)).save(png, "PNG")
    return seal(png.getvalue(), key)


SEALED = make_png()


def test_a_seal_holds_the_key_of_a_pass_and_the_picture_stays():
    assert read_seal(SEALED) == KEY
    assert read_seal(make_png(UNKEYED)) == UNKEYED
    with Image.open(io.BytesIO(SEALED)) as image:
        image.load()
    assert image.size == (24, 16)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_a_changed_byte_breaks_it(place, change):
    damaged = bytearray(SEALED)
    damaged[place] ^= change
    assert read_seal(bytes(damaged)) is None


@given(st.integers(0, len(SEALED) - 1))
def test_a_cut_file_has_none(length):
    assert read_seal(SEALED[:length]) is None
    assert read_seal(SEALED[:length] + bytes(len(SEALED) - length)) is None


def test_a_picture_that_an_editor_saved_has_none():
    with Image.open(io.BytesIO(SEALED)) as image:
        image.load()
        saved = io.BytesIO()
        image.save(saved, "PNG")
    assert read_seal(saved.getvalue()) is None


@pytest.mark.parametrize(("png", "key"), [(b"no picture", KEY), (SEALED[:-1], KEY), (SEALED, "short")])
def test_only_a_whole_png_is_sealed_and_with_a_whole_key(png, key):
    with pytest.raises(ValueError, match="needs a whole PNG"):
        seal(png, key)
