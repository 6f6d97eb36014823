"""Passes on tiny pipelines, in this process: sizes, exactness, what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image

import tiny
from strata.imaging import windows
from strata.diffusion import inference, pipelines, placement
from strata.errors import StrataError

SPEC = {
    "prompt": "a desert",
    "negative_prompt": "people",
    "seed": 7,
    "steps": 3,
    "guidance_scale": 8.0,
    "strength": 0.9,
    "width": 40,
    "height": 24,
    "model": {"id": "tiny"},
}
MODEL = {"revision": None, "variant": None, "dtype": "float32"}


def silent(done: int, steps: int) -> None:
    pass


def load(task: str, folder, **changes):
    pipeline, _ = pipelines.load(task, MODEL | {"id": str(folder)} | changes, folder, "cpu", "auto", 1)
    return pipeline


@pytest.fixture(scope="module")
def painter(models):
    return load("text_to_image", models / "text-to-image")


@pytest.fixture(scope="module")
def inpainter(models):
    return load("inpaint", models / "inpainting")


@pytest.fixture(scope="module")
def plain_inpainter(tmp_path_factory):
    """An inpainting pipeline on a UNet of 4 channels."""
    return load("inpaint", tiny.inpainting(tmp_path_factory.mktemp("models") / "plain", channels=4))


def plate(size=(40, 24)) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def hole(size=(40, 24)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, (8, 8, 24, 24))
    return mask


@pytest.mark.parametrize("size", [(40, 24), (41, 23), (64, 33)])
def test_a_picture_has_the_size_that_was_asked_for(painter, size):
    spec = SPEC | dict(zip(("width", "height"), size, strict=True))
    picture = inference.text_to_image(painter, spec, silent)
    assert (picture.size, picture.mode) == (size, "RGB")


def test_a_seed_is_a_picture(painter):
    once, again, other = (
        inference.text_to_image(painter, SPEC | {"seed": seed}, silent).tobytes() for seed in (0, 0, 2**64 - 1)
    )
    assert once == again != other


def test_steps_are_told(painter, inpainter):
    told = []
    inference.text_to_image(painter, SPEC, lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    inference.inpaint(inpainter, SPEC, plate(), hole(), lambda *step: told.append(step))
    assert told == [(1, 2), (2, 2)]  # int(3 * 0.9)


@pytest.mark.parametrize("kind", ["inpainter", "plain_inpainter"])
@pytest.mark.parametrize("size", [(40, 24), (45, 27)])
def test_inpainting_with_9_and_4_channels(request, kind, size):
    pipeline = request.getfixturevalue(kind)
    assert pipeline.unet.config.in_channels == (9 if kind == "inpainter" else 4)
    beneath, mask = plate(size), hole(size)
    painted = inference.inpaint(pipeline, SPEC, beneath, mask, silent)
    assert painted.size == size
    # The pipeline itself does touch what is outside the mask; the layer does not.
    assert painted.crop((30, 0, *size)).tobytes() != beneath.crop((30, 0, *size)).tobytes()
    layer = windows.look([beneath], mask, None, 8).layer(painted)
    assert layer.getchannel("A").tobytes() == mask.tobytes()


@pytest.mark.parametrize(
    ("beneath", "mask"),
    [
        (plate((40, 24)), hole((48, 24))),
        (plate().convert("RGBA"), hole()),
        (plate().convert("L"), hole()),
        (plate(), hole().convert("RGB")),
    ],
)
def test_plate_and_mask_that_do_not_fit_reach_no_model(inpainter, beneath, mask):
    with pytest.raises(ValueError, match="a plate in RGB and a mask in L of one size"):
        inference.inpaint(inpainter, SPEC, beneath, mask, silent)


def test_a_pass_that_is_stopped_leaves_the_pipeline_usable(painter):
    class StopError(Exception):
        pass

    def stop(done: int, steps: int) -> None:
        raise StopError

    before = inference.text_to_image(painter, SPEC, silent).tobytes()
    with pytest.raises(StopError):
        inference.text_to_image(painter, SPEC, stop)
    assert inference.text_to_image(painter, SPEC, silent).tobytes() == before


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.full((4, 4, 3), np.nan), "numbers that are not finite"),
        (np.zeros((4, 4, 3)), r"one flat colour, \(0, 0, 0\)"),
        (np.full((4, 4, 3), 0.5), r"one flat colour, \(128, 128, 128\)"),
    ],
)
def test_what_is_no_picture_is_refused(pixels, said):
    with pytest.raises(StrataError, match=said):
        inference._picture(pixels)


def test_values_are_rounded_and_not_cut_off():
    pixels = np.zeros((1, 2, 3))
    pixels[0, 0] = (0.999, 0.5 / 255 + 1e-6, -1)
    assert inference._picture(pixels).getpixel((0, 0)) == (255, 1, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"variant": "fp16"}, "could not be loaded"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_a_sentence(models, change, said):
    with pytest.raises(StrataError, match=said):
        load("text_to_image", models / "text-to-image", **change)


def test_weights_in_pickles_are_refused(models, tmp_path):
    folder = tiny.text_to_image(tmp_path / "model")
    weights = next((folder / "unet").glob("*.safetensors"))
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(StrataError, match="could not be loaded"):
        load("text_to_image", folder)


GB = 10**9


@pytest.mark.parametrize(
    ("setting", "attempt", "device", "parts", "free", "placement"),
    [
        ("auto", 1, "cpu", [99 * GB], 0, "whole"),
        ("auto", 2, "cpu", [99 * GB], 0, "tiles"),
        ("auto", 3, "cpu", [99 * GB], 0, "tiles"),
        ("sequential", 1, "cpu", [99 * GB], 0, "whole"),
        ("tiles", 1, "cpu", [99 * GB], 0, "tiles"),
        ("auto", 1, "mps", [99 * GB], 0, "whole"),
        ("auto", 1, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "whole"),
        ("auto", 2, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "model"),
        ("auto", 3, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "sequential"),
        ("auto", 4, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "tiles"),
        ("auto", 9, "cuda:0", [2 * GB, 1 * GB], 8 * GB, "tiles"),
        ("auto", 1, "cuda:0", [5 * GB, 2 * GB], 8 * GB, "model"),
        ("auto", 2, "cuda:0", [5 * GB, 2 * GB], 8 * GB, "sequential"),
        ("auto", 1, "cuda:0", [7 * GB, 1 * GB], 8 * GB, "sequential"),
        ("auto", 2, "cuda:0", [7 * GB, 1 * GB], 8 * GB, "tiles"),
        ("whole", 1, "cuda:0", [99 * GB], 8 * GB, "whole"),
        ("model", 1, "cuda:0", [1 * GB], 8 * GB, "model"),
        ("sequential", 2, "cuda:0", [1 * GB], 8 * GB, "tiles"),
        ("tiles", 1, "cuda:0", [1 * GB], 8 * GB, "tiles"),
    ],
)
def test_placement_goes_down_the_ladder(setting, attempt, device, parts, free, placement):
    assert placement.placement(setting, attempt, device, parts, free) == placement


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (MemoryError(), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried"),
            True,
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("Expected all tensors to be on the same device"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_says_that_memory_ran_out(error, answer):
    assert placement.ran_out(error) == answer


def test_a_processor_is_always_there():
    assert placement.available("cpu")
    assert placement.devices("cpu") == {"cpu": "cpu"}
    assert placement.available("auto")
    assert not placement.available("cuda:99")


@pytest.mark.parametrize(("setting", "dtype"), [("float32", torch.float32), ("float16", torch.float16)])
def test_precision_is_the_models_own_if_it_is_set(setting, dtype):
    assert placement.dtype(setting, "cpu") == dtype


def test_precision_for_a_processor_depends_on_its_abilities(monkeypatch):
    for abilities, dtype in [({"amx_tile": True}, torch.bfloat16), ({"avx512": True}, torch.float32)]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda abilities=abilities: abilities)
        assert placement.dtype("auto", "cpu") == dtype


@pytest.mark.parametrize(
    ("size", "multiple", "result"),
    [((768, 512), 8, (768, 512)), ((769, 511), 8, (776, 512)), ((769, 511), 16, (784, 512)), ((1, 1), 8, (8, 8))],
)
def test_sizes_are_padded_up(size, multiple, result):
    assert inference.padded(size, multiple) == result
