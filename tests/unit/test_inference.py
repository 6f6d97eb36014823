"""Runs of tiny pipelines, in this process: sizes, exactness, what is refused."""

import numpy as np
import pytest
from PIL import Image

from helpers import tiny_models
from helpers.recorder import Recorder
from strata.diffusion import attachments, inference, pipelines
from strata.errors import StrataError
from strata.imaging import windows

SPEC = {
    "prompt": "a desert",
    "negative_prompt": "people",
    "seed": 7,
    "steps": 3,
    "guidance_scale": 8.0,
    "control": None,
    "strength": 0.9,
    "width": 40,
    "height": 24,
    "model": {"id": "tiny"},
}
ON_STEP = Recorder().step  # where nobody looks at the steps


def load(task: str, folder):
    model = {"id": str(folder), "revision": None, "variant": None, "dtype": "float32"}
    return pipelines.load(task, model, folder, "cpu", "auto", 1).pipeline


@pytest.fixture(scope="module")
def painter(models):
    return load("text_to_image", models / "text-to-image")


@pytest.fixture(scope="module")
def inpainter(models):
    return load("inpaint", models / "inpainting")


@pytest.fixture(scope="module")
def plain_inpainter(tmp_path_factory):
    """An inpainting pipeline on a UNet of 4 channels."""
    return load("inpaint", tiny_models.inpainting(tmp_path_factory.mktemp("models") / "plain", channels=4))


def plate(size=(40, 24)) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def hole(size=(40, 24)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, (8, 8, 24, 24))
    return mask


@pytest.mark.parametrize(
    ("kind", "strength", "encodings"), [("plain_inpainter", 0.9, 1), ("inpainter", 0.9, 2), ("inpainter", 1, 1)]
)
def test_a_plate_is_encoded_as_often_as_the_unet_sees_it(kind, strength, encodings, request, monkeypatch):
    """As the latents that a pass begins with, if it does not begin with noise, and as what 9 channels see around the mask."""
    pipeline = request.getfixturevalue(kind)
    encoded = []
    encode = pipeline.vae.encode
    monkeypatch.setattr(pipeline.vae, "encode", lambda picture: encoded.append(picture) or encode(picture))
    inference.inpaint(pipeline, SPEC | {"strength": strength}, plate(), hole(), ON_STEP)
    assert len(encoded) == encodings


@pytest.mark.parametrize("size", [(40, 24), (41, 23), (64, 33)])
def test_a_picture_has_the_size_that_was_asked_for(painter, size):
    spec = SPEC | dict(zip(("width", "height"), size, strict=True))
    picture = inference.text_to_image(painter, spec, ON_STEP)
    assert (picture.size, picture.mode) == (size, "RGB")


def test_a_seed_is_a_picture(painter):
    once, again, other = (
        inference.text_to_image(painter, SPEC | {"seed": seed}, ON_STEP).tobytes() for seed in (0, 0, 2**64 - 1)
    )
    assert once == again != other


def test_steps_are_told(painter, inpainter):
    background, subject = Recorder(), Recorder()
    inference.text_to_image(painter, SPEC, background.step)
    assert background.steps == [(1, 3), (2, 3), (3, 3)]
    inference.inpaint(inpainter, SPEC, plate(), hole(), subject.step)
    assert subject.steps == [(1, 2), (2, 2)]  # int(3 * 0.9)


@pytest.mark.parametrize("kind", ["inpainter", "plain_inpainter"])
@pytest.mark.parametrize("size", [(40, 24), (45, 27)])
def test_inpainting_with_9_and_4_channels(request, kind, size):
    pipeline = request.getfixturevalue(kind)
    assert pipeline.unet.config.in_channels == (9 if kind == "inpainter" else 4)
    beneath, mask = plate(size), hole(size)
    painted = inference.inpaint(pipeline, SPEC, beneath, mask, ON_STEP)
    assert painted.size == size
    # The pipeline itself does touch what is outside the mask; the layer does not.
    assert painted.crop((30, 0, *size)).tobytes() != beneath.crop((30, 0, *size)).tobytes()
    layer = windows.cut_window([beneath], mask, None, 8).cut_layer(painted)
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
        inference.inpaint(inpainter, SPEC, beneath, mask, ON_STEP)


def test_a_pass_that_is_stopped_leaves_the_pipeline_usable(painter):
    class StopError(Exception):
        pass

    def stop(done: int, steps: int) -> None:
        raise StopError

    before = inference.text_to_image(painter, SPEC, ON_STEP).tobytes()
    with pytest.raises(StopError):
        inference.text_to_image(painter, SPEC, stop)
    assert inference.text_to_image(painter, SPEC, ON_STEP).tobytes() == before


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
        inference._to_picture(pixels)


def test_values_are_rounded_and_not_cut_off():
    pixels = np.zeros((1, 2, 3))
    pixels[0, 0] = (0.999, 0.5 / 255 + 1e-6, -1)
    assert inference._to_picture(pixels).getpixel((0, 0)) == (255, 1, 0)


@pytest.mark.parametrize(
    ("size", "multiple", "result"),
    [((768, 512), 8, (768, 512)), ((769, 511), 8, (776, 512)), ((769, 511), 16, (784, 512)), ((1, 1), 8, (8, 8))],
)
def test_sizes_are_padded_up(size, multiple, result):
    assert inference.pad_size(size, multiple) == result


@pytest.mark.parametrize(("steps", "refused"), [(1000, True), (999, False), (500, False)])
def test_more_steps_than_the_sampler_has_are_refused(painter, monkeypatch, steps, refused):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler(steps_offset=1, timestep_spacing="leading")
    monkeypatch.setattr(painter, "scheduler", scheduler)
    if refused:
        with pytest.raises(
            StrataError, match=r"^steps is 1000, but the sampler of tiny \(DDIMScheduler\) can take at most 999"
        ):
            inference.text_to_image(painter, SPEC | {"steps": steps}, ON_STEP)
    else:
        inference._check_steps(painter, steps, "tiny")
        scheduler.set_timesteps(steps)
        assert scheduler.timesteps.max() < scheduler.config.num_train_timesteps


def test_a_change_of_seeds_encodes_no_prompt_again(models, monkeypatch):
    loaded = pipelines.load(
        "text_to_image",
        {"id": "x", "revision": None, "variant": None, "dtype": "float32"},
        models / "text-to-image",
        "cpu",
        "auto",
        1,
    )
    spec = SPEC | {"loras": [], "style": None, "clip_skip": None, "scheduler": None, "reference_weight": None}
    encode, encoded = loaded.pipeline.text_encoder.forward, []
    monkeypatch.setattr(
        loaded.pipeline.text_encoder, "forward", lambda *a, **n: (encoded.append(1), encode(*a, **n))[1]
    )

    def paint(seed: int) -> bytes:
        with attachments.attached(loaded, spec, {}, None) as arguments:
            return inference.text_to_image(
                loaded.pipeline, spec | {"seed": seed}, ON_STEP, arguments=arguments
            ).tobytes()

    first, other, again = paint(1), paint(2), paint(1)
    assert first == again != other
    assert len(encoded) == 2  # the prompt and the negative one
    with_none_kept = inference.text_to_image(loaded.pipeline, spec | {"seed": 1}, ON_STEP).tobytes()
    assert with_none_kept == first
    assert len(encoded) == 4
