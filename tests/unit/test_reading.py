"""Pictures from anywhere: what they say about a scene, and a sentence where they say nothing, are damaged or hostile."""

import io
import json
import zipfile
import zlib
from functools import cache

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers import exported
from helpers.exported import typical
from strata.errors import StrataError
from strata.exports import foreign, openraster, psd, reading
from strata.imaging import provenance
from strata.seals import add_text, read_seal


def make_png(**texts: str) -> bytes:
    chunks = PngInfo()
    for key, text in texts.items():
        chunks.add_itxt(key, text)
    content = io.BytesIO()
    Image.new("RGB", (8, 8)).save(content, "PNG", pnginfo=chunks)
    return content.getvalue()


def add_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with a chunk behind its header."""
    chunk = len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "picture"

    def write(content: bytes):
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize("encode", [lambda picture: picture.file, openraster.encode, psd.encode])
def test_every_export_carries_the_scene(file, encode):
    found = reading.read(file(encode(typical())))
    assert found.scene == exported.SCENE
    assert found.layers["fog"]["pass"]["seed"] == 7
    assert not found.foreign


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "does not say how it was made"),
        (b"hello", "does not say how it was made"),
        (make_png(), "does not say how it was made"),
        (make_png(Comment="a picture"), "does not say how it was made"),
        (make_png()[:40], "is damaged"),
        (make_png(strata="{"), "holds garbled text"),
        (make_png(strata="[" * 100_000), "holds garbled text"),
        (make_png(strata="1" * 100_000), "holds garbled text"),
        (make_png(strata="[]"), "holds no scene"),
        (make_png(strata='{"pass": {}}'), "is one layer"),
        (make_png(strata='{"scene": {}}'), "background is missing"),
        (make_png(strata='{"scene": {"background": {"prompt": "x", "seed": NaN}}}'), "seed is nan"),
        (make_png(strata='{"scene": {"background": {"prompt": "x"}, "zz": 1}}'), "zz is not a key"),
        (
            make_png(strata='{"scene": {"background": {"prompt": "x"}, "effects": {"../../x": {"prompt": "y"}}}}'),
            "holds a layer named '../../x'",
        ),
        (add_chunk(make_png(), b"zTXt", b"strata\0\0" + zlib.compress(b" " * 100_000_000)), "too large"),
        (add_chunk(make_png(), b"iTXt", b"strata\0\1\0\0\0" + zlib.compress(b" " * 100_000_000)), "too large"),
        (add_chunk(make_png(), b"iTXt", b"strata\0\1\0\0\0garbled"), "does not say|is damaged"),
        (b"PK\x03\x04", "is damaged"),
        (b"8BPS" + b"\xff" * 60, "does not say how it was made"),
        (b"<!doctype html><script>alert(1)</script>", "does not say how it was made"),
    ],
)
def test_what_is_damaged_or_hostile_is_a_sentence(file, content, said):
    with pytest.raises(StrataError, match=said):
        reading.read(file(content))


def test_a_missing_file_and_a_folder_are_sentences(tmp_path):
    with pytest.raises(StrataError, match=r"^There is no file .*a\.png\. Give the path"):
        reading.read(tmp_path / "a.png")
    with pytest.raises(StrataError, match="cannot be read: Is a directory"):
        reading.read(tmp_path)


def test_a_zip_that_unpacks_to_more_than_a_picture_is_refused(file, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_MEMBER", 1000)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mergedimage.png", b"\0" * 10_000_000)
    with pytest.raises(StrataError, match="holds a picture of more than a GiB"):
        reading.read(file(content.getvalue()))


def test_a_zip_without_a_picture_is_a_sentence(file):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("../../stack.xml", "")
    with pytest.raises(StrataError, match=r"is a zip without mergedimage\.png"):
        reading.read(file(content.getvalue()))


def test_yaml_tags_in_a_prompt_stay_text(file):
    scene = {"background": {"prompt": "!!python/object/apply:os.system ['touch /tmp/x']"}}
    found = reading.read(file(make_png(strata=json.dumps({"scene": scene}))))
    assert yaml.safe_load(yaml.safe_dump(found.scene))["background"]["prompt"] == scene["background"]["prompt"]


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), cut=st.booleans(), which=st.integers(0, 2))
def test_a_changed_byte_or_a_cut_is_a_sentence_or_a_scene(tmp_path_factory, place, byte, cut, which):
    content = bytearray(make_contents()[which])
    place %= len(content)
    content[place] = byte
    path = tmp_path_factory.getbasetemp() / "changed"
    path.write_bytes(bytes(content[:place] if cut else content))
    try:
        reading.read(path)
    except StrataError as error:
        assert str(error).endswith((".", ")", "?"))


@cache
def make_contents() -> list[bytes]:
    picture = typical((64, 48))
    text = json.dumps({"scene": {"background": {"prompt": "x"}}})
    return [make_png(strata=text), openraster.encode(picture), psd.encode(picture)]


def test_control_characters_do_not_reach_a_terminal():
    assert reading.printable("a\x1b[2Jb\nc\u202e ü") == "a?[2Jb?c? ü"


def test_text_is_added_to_a_sealed_picture_once(tmp_path):
    content = typical((64, 48)).file
    twice = add_text(add_text(content, provenance.CARRIED, "one"), provenance.CARRIED, "two ü")
    assert read_seal(twice) == read_seal(content)
    assert provenance.read_texts(twice)[provenance.CARRIED] == "two ü"
    assert len(twice) == len(add_text(content, provenance.CARRIED, "two ü"))
    with Image.open(io.BytesIO(twice)) as image, Image.open(io.BytesIO(content)) as before:
        assert image.tobytes() == before.tobytes()
    with pytest.raises(ValueError, match="sealed"):
        add_text(content[:-20], provenance.CARRIED, "x")


# Other programs

PARAMETERS = """a wide desert, (suns:1.2)
two of them <lora:dust:0.6>
Negative prompt: people, text
Steps: 28, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 123, Size: 640x384, Model hash: abc, Model: dreamer, Clip skip: 2, \
Lora hashes: "dust: 1234, more: 5"
"""


def test_the_parameters_of_web_uis_give_a_background(file):
    found = reading.read(file(make_png(parameters=PARAMETERS)))
    background = found.scene["background"]
    assert found.foreign
    assert background["prompt"] == "a wide desert, (suns:1.2)\ntwo of them <lora:dust:0.6>"
    assert background["negative_prompt"] == "people, text"
    assert (background["steps"], background["guidance_scale"], background["seed"]) == (28, 6.5, 123)
    assert (background["clip_skip"], background["scheduler"]) == (1, "DPMSolverMultistepScheduler")
    assert (found.scene["canvas"]["width"], found.scene["canvas"]["height"]) == (640, 384)
    unread = "\n".join(found.unread)
    for words in (
        "Model: 'dreamer'",
        "Lora hashes",
        "its Karras noise schedule",
        "<lora:dust:0.6>",
        "weights in parenth",
    ):
        assert words in unread


def graph(**sampler) -> dict:
    return {
        "3": {
            "class_type": "KSampler",
            "inputs": {
                "seed": 99,
                "steps": 20,
                "cfg": 8,
                "sampler_name": "euler_ancestral",
                "positive": ["12", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
                "model": ["4", 0],
            }
            | sampler,
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "dreamer.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a lighthouse", "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["4", 1]}},
        "8": {"class_type": "Text", "inputs": {"text": "blur"}},
        "12": {"class_type": "ControlNetApply", "inputs": {"conditioning": ["6", 0], "strength": 1}},
    }


def test_the_graph_of_comfyui_gives_a_background(file):
    found = reading.read(file(make_png(prompt=json.dumps(graph()))))
    background = found.scene["background"]
    assert (background["prompt"], background["negative_prompt"]) == ("a lighthouse", "blur")
    assert (background["seed"], background["steps"], background["guidance_scale"]) == (99, 20, 8.0)
    assert background["scheduler"] == "EulerAncestralDiscreteScheduler"
    assert (found.scene["canvas"]["width"], found.scene["canvas"]["height"]) == (512, 768)
    assert "node 4, 'CheckpointLoaderSimple'" in found.unread
    assert "node 12, 'ControlNetApply'" in found.unread


@pytest.mark.parametrize(
    "told",
    [
        graph(positive=["3", 0]),
        graph(positive=["7", 0]) | {"8": {"class_type": "Text", "inputs": {"text": ["7", 0]}}},
        graph(positive=None, negative={}, latent_image=[], seed="x" * 99, cfg=float("inf"), steps=[]),
        {"3": {"inputs": []}, "4": 5},
        [],
        3,
    ],
)
def test_odd_graphs_are_a_sentence_or_a_scene(file, told):
    try:
        found = reading.read(file(make_png(prompt=json.dumps(told))))
    except StrataError as error:
        assert str(error).endswith((".", ")"))
    else:
        assert found.foreign


def test_a_garbled_graph_is_a_sentence(file):
    with pytest.raises(StrataError, match="holds garbled text where ComfyUI writes its graph"):
        reading.read(file(make_png(prompt="{")))


@given(text=st.text(max_size=300))
@settings(deadline=None)
def test_any_parameters_are_read(text):
    foreign.read_parameters(text)
    foreign.read_parameters(f"{text}\nSteps: 1, {text}")
