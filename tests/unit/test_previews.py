"""What a pass shows while it runs: what its model expects, for each kind of sampler and family; and the pass stays as it is."""

import io
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from helpers.recorder import Recorder
from helpers.tiny_families import FAMILIES
from strata.diffusion import inference, pipelines, previews
from strata.diffusion.schedulers import make_scheduler
from strata.imaging import windows
from strata.imaging.effects import make_transparent
from strata.installation import WORKFLOW
from strata.painting import previews as layer_previews
from strata.painting.under_way import Preview

SIZE = (96, 64)
MODEL = {"id": "tiny", "revision": None, "variant": None, "dtype": "float32"}
SPEC = {
    "prompt": "a desert",
    "negative_prompt": "people",
    "seed": 7,
    "steps": 3,
    "guidance_scale": 3.0,
    "strength": 0.9,
    "width": SIZE[0],
    "height": SIZE[1],
    "model": MODEL,
    "reference": None,
    "control": None,
}
BOX = (16, 16, 64, 48)
INSIDE = slice(3, 5), slice(3, 7)  # cells of 8 pixels, well inside the box


@pytest.fixture
def always(monkeypatch):
    """A preview for each step, however long it takes."""
    monkeypatch.setattr(previews, "APART", 0)
    monkeypatch.setattr(previews, "MOST_OF_THE_TIME", float("inf"))


def load(task: str, folder: Path):
    return pipelines.load(task, MODEL | {"id": str(folder)}, folder, "cpu", "auto", 1).pipeline


def paint(pipeline, task: str = "text_to_image", steps: int = 3) -> Image.Image:
    spec = SPEC | {"steps": steps}
    if task == "text_to_image":
        return inference.text_to_image(pipeline, spec, lambda *_: None)
    mask = Image.new("L", SIZE)
    mask.paste(255, BOX)
    plate = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    return inference.inpaint(pipeline, spec, plate, mask, lambda *_: None)


@pytest.fixture(scope="module")
def painter(models):
    return load("text_to_image", models / "text-to-image")


# The samplers

KINDS = [
    ("DDPMScheduler", "epsilon"),
    ("DDPMScheduler", "v_prediction"),
    ("DDPMScheduler", "sample"),
    ("DDIMScheduler", "epsilon"),
    ("DDIMScheduler", "v_prediction"),
    ("LCMScheduler", "epsilon"),
    ("EulerDiscreteScheduler", "epsilon"),
    ("EulerDiscreteScheduler", "v_prediction"),
    ("EulerAncestralDiscreteScheduler", "v_prediction"),
    ("HeunDiscreteScheduler", "epsilon"),
    ("KDPM2DiscreteScheduler", "epsilon"),
    ("DPMSolverMultistepScheduler", "epsilon"),
    ("DPMSolverMultistepScheduler", "v_prediction"),
    ("DPMSolverSinglestepScheduler", "epsilon"),
    ("DEISMultistepScheduler", "epsilon"),
    ("UniPCMultistepScheduler", "sample"),
    ("FlowMatchEulerDiscreteScheduler", "flow"),
    ("FlowMatchHeunDiscreteScheduler", "flow"),
    ("FlowMatchLCMScheduler", "flow"),
    ("DPMSolverMultistepScheduler", "flow"),
    ("UniPCMultistepScheduler", "flow"),
]


@pytest.mark.parametrize(("kind", "said"), KINDS)
def test_what_a_model_expects_follows_from_its_output_at_each_step(kind, said):
    """Of a model that knows the picture and the noise: what is expected is the picture."""
    scheduler = make(kind, said)
    generator = torch.Generator().manual_seed(0)
    picture, noise = (torch.randn((1, 4, 8, 8), generator=generator) for _ in range(2))
    scheduler.set_timesteps(8)
    scheduler.set_begin_index(0) if hasattr(scheduler, "set_begin_index") else None
    for index, timestep in enumerate(scheduler.timesteps):
        signal, rest = level(scheduler, said, index, timestep)
        sample = signal * picture + rest * noise
        whole = (signal**2 + rest**2) ** 0.5
        output = {
            "epsilon": noise,
            "v_prediction": (signal * noise - rest * picture) / whole,
            "sample": picture,
            "flow": noise - picture,
        }[said]
        scheduler.step(output, timestep, sample)
        expected = previews.expect(scheduler, output, timestep, sample)
        assert torch.allclose(expected, picture, atol=1e-3), (index, (expected - picture).abs().max())


def make(kind: str, said: str):
    if said == "flow" and not kind.startswith("FlowMatch"):
        return make_scheduler(kind, diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0))
    settings = {} if said == "flow" else {"prediction_type": said, "beta_schedule": "scaled_linear", "beta_end": 0.012}
    return getattr(diffusers, kind)(**settings)


def level(scheduler, said: str, index: int, timestep) -> tuple[float, float]:
    """How much signal and how much noise a sample has, as each kind of sampler is documented."""
    kind = type(scheduler).__name__
    if kind in ("DDPMScheduler", "DDIMScheduler", "LCMScheduler"):
        remaining = float(scheduler.alphas_cumprod[timestep])
        return remaining**0.5, (1 - remaining) ** 0.5
    sigma = float(scheduler.sigmas[index])
    if said == "flow":
        return 1 - sigma, sigma
    if kind.startswith(("Euler", "Heun", "KDPM2")):
        return 1.0, sigma
    return (1 + sigma**2) ** -0.5, sigma * (1 + sigma**2) ** -0.5


@pytest.mark.parametrize("kind", ["EDMEulerScheduler", "CMStochasticIterativeScheduler"])
def test_of_a_sampler_of_another_kind_nothing_is_told(kind):
    scheduler = getattr(diffusers, kind)()
    scheduler.set_timesteps(4)
    sample = torch.ones((1, 4, 8, 8))
    scheduler.scale_model_input(sample, scheduler.timesteps[0])
    scheduler.step(sample, scheduler.timesteps[0], sample)
    assert previews.expect(scheduler, sample, scheduler.timesteps[0], sample) is None


def test_noise_without_a_signal_tells_nothing():
    scheduler = diffusers.DDPMScheduler(rescale_betas_zero_snr=True, prediction_type="epsilon")
    sample = torch.ones((1, 4, 8, 8))
    assert previews.expect(scheduler, sample, 999, sample) is None
    assert previews.expect(scheduler, sample, 998, sample) is None
    assert previews.expect(scheduler, sample, 500, sample) is not None


# The families


@pytest.mark.parametrize("task", ["text_to_image", "inpaint"])
@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "sdxl-single"])
def test_what_is_expected_at_the_last_step_is_what_is_decoded(name, task, tmp_path, always, monkeypatch):
    """So the latents are unpacked as the pipeline does it, and colours are learned of every family's autoencoder."""
    folders = FAMILIES[name].save(tmp_path)
    pipeline = load(task, folders["text_to_image" if task == "text_to_image" else "inpainting"])
    unpacked, decoded, shown = [], [], []
    unpack, decode = previews.unpack, pipeline.vae.decode
    monkeypatch.setattr(previews, "unpack", lambda *given: unpacked.append(unpack(*given)) or unpacked[-1])
    monkeypatch.setattr(
        pipeline.vae, "decode", lambda cells, *more, **named: decoded.append(cells) or decode(cells, *more, **named)
    )
    with previews.shown(pipeline, SIZE, shown.append):
        paint(pipeline, task)
    assert len(shown) == (3 if task == "text_to_image" or FAMILIES[name].rounds_up else 2)
    assert {(picture.mode, picture.size) for picture in shown} == {("RGB", SIZE)}
    cells = decoded[-1]
    cells = cells.reshape(cells.shape[1], *cells.shape[-2:])
    assert unpacked[-1].shape == cells.shape
    if not FAMILIES[name].resamples:  # else what is inside lies elsewhere
        inside = (slice(None),) * 2 if task == "text_to_image" else INSIDE  # outside, some pipelines put the plate back
        # diffusers forgets the shift where it decodes what Stable Diffusion 3 inpainted.
        cells = cells + pipeline.vae.config.shift_factor if (name, task) == ("sd35", "inpaint") else cells
        assert torch.allclose(unpacked[-1][:, *inside], cells[:, *inside], atol=1e-3)


def test_latents_of_other_proportions_are_not_unpacked(tmp_path):
    pipeline = load("text_to_image", FAMILIES["qwen-image"].save(tmp_path)["text_to_image"])
    assert previews.unpack(pipeline, torch.ones(1, 24, 16), (96, 64)).shape == (4, 8, 12)
    assert previews.unpack(pipeline, torch.ones(1, 23, 16), (96, 64)) is None
    assert previews.unpack(pipeline, torch.ones(1, 4, 2, 8, 8), (64, 64)) is None


# The colours


def test_the_colours_of_the_embedded_model_are_learned():
    """The first three channels of its cells are their mean colours, from -1 to 1."""
    pipeline = load("text_to_image", WORKFLOW / "models/embedded/text-to-image")
    colors = previews.learn_colors(pipeline.vae, pipeline.vae_scale_factor)
    assert np.allclose(colors.slopes[:3], np.eye(3) / 2, atol=1e-4)
    assert np.allclose(colors.base, 0.5, atol=1e-4)
    assert previews.learn_colors(pipeline.vae, pipeline.vae_scale_factor) is colors


def test_colours_are_learned_of_an_autoencoder_that_mixes_them():
    pipeline = load("text_to_image", WORKFLOW / "models/embedded/text-to-image")
    last = pipeline.vae.encoder.layers[-1]
    mixing = torch.randn((4, 4), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        last.weight.copy_(torch.einsum("ij,jklm->iklm", mixing, last.weight))
        last.bias.copy_(mixing @ last.bias)
    colors = previews.learn_colors(pipeline.vae, pipeline.vae_scale_factor)
    known = np.random.default_rng(5).random((6, 8, 3))
    pixels = torch.from_numpy(known.repeat(16, axis=0).repeat(16, axis=1)).permute(2, 0, 1)[None].float() * 2 - 1
    with torch.no_grad():
        cells = pipeline.vae.encode(pixels).latents[0].numpy()
    assert not np.allclose(cells[:3].transpose(1, 2, 0), known * 2 - 1, atol=0.1)
    assert np.allclose(colors.of(cells), known, atol=0.02)


def test_an_autoencoder_that_cannot_be_tried_shows_nothing(models, monkeypatch):
    pipeline = load("text_to_image", models / "text-to-image")
    monkeypatch.setattr(previews, "_copy_to_host", lambda autoencoder: 1 / 0)
    shown = []
    with previews.shown(pipeline, SIZE, shown.append):
        paint(pipeline)
    assert shown == []


def test_a_preview_has_the_proportions_of_what_counts_and_is_small():
    colors = np.zeros((4, 8, 3), np.float32)
    colors[:, 4:] = 1
    picture = previews.draw(colors, (1024, 512), (1000, 500))
    assert picture.size == (256, 128)
    assert picture.getpixel((10, 64)) == (0, 0, 0)
    assert picture.getpixel((245, 64)) == (255, 255, 255)
    assert previews.draw(colors, (64, 32), (64, 32)).size == (64, 32)
    assert previews.draw(colors, (64, 32), (1, 32)).size == (1, 32)


# The layers


@pytest.fixture
def reporter(monkeypatch) -> Recorder:
    """Is told of one preview of each pass: grey, with a quarter of the pixels."""

    @contextmanager
    def shown(pipeline, size, on_preview, is_watched):
        assert is_watched()
        on_preview(Image.new("RGB", (size[0] // 2, size[1] // 2), (102, 102, 102)))
        yield

    monkeypatch.setattr(previews, "shown", shown)
    return Recorder()


LOADED = SimpleNamespace(pipeline=None)


def read(preview: Preview) -> Image.Image:
    return Image.open(io.BytesIO(preview.picture))


def test_what_a_model_paints_whole_is_shown_as_its_layer_will_be(reporter):
    with layer_previews.shown_all(LOADED, SIZE, reporter):
        pass
    with layer_previews.shown_all(LOADED, SIZE, reporter, lambda picture: make_transparent(picture, "luminance")):
        pass
    assert [preview.box for preview in reporter.previews] == [(0, 0, *SIZE)] * 2
    assert [read(preview).size for preview in reporter.previews] == [(48, 32)] * 2
    assert [read(preview).getpixel((9, 9)) for preview in reporter.previews] == [(102, 102, 102), (255, 255, 255, 102)]


def test_a_subject_is_cut_out_by_its_mask(reporter):
    mask = Image.new("L", SIZE)
    mask.paste(255, BOX)
    window = windows.cut_window([Image.new("RGB", SIZE, "red")], mask, 8, 8)
    with layer_previews.shown_in_window(LOADED, window, reporter):
        pass
    (preview,) = reporter.previews
    left, top, right, bottom = preview.box
    assert preview.box == window.box != (0, 0, *SIZE)
    picture = read(preview)
    assert picture.size == ((right - left) // 2, (bottom - top) // 2)
    assert picture.getpixel(((20 - left) // 2, (20 - top) // 2)) == (102, 102, 102, 255)
    assert picture.getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("ring", [True, False])
def test_a_stack_that_is_refined_is_shown_where_it_may_change(reporter, ring):
    soft = Image.new("L", SIZE)
    soft.paste(255, BOX)
    with layer_previews.shown_over(
        LOADED, windows.Flattened(Image.new("RGB", SIZE, "red"), soft if ring else None), reporter
    ):
        pass
    picture = read(reporter.previews[0])
    assert picture.mode == "RGB"
    assert picture.getpixel((20, 16)) == pytest.approx((102, 102, 102), abs=8)
    assert picture.getpixel((2, 2)) == pytest.approx((255, 0, 0) if ring else (102, 102, 102), abs=8)


# The pass


def test_a_pass_is_the_same_with_previews_and_without(painter, always):
    alone = paint(painter)
    shown = []
    with previews.shown(painter, SIZE, shown.append):
        assert paint(painter).tobytes() == alone.tobytes()
    assert len(shown) == 3
    assert "step" not in vars(painter.scheduler)
    assert paint(painter).tobytes() == alone.tobytes()
    assert len(shown) == 3


def test_previews_are_half_a_second_apart_and_take_a_hundredth_of_the_time(painter, monkeypatch):
    clock = iter(range(10**6))
    now = 0.0

    def tick() -> float:
        return now

    monkeypatch.setattr(previews.time, "monotonic", tick)
    shown = []

    def show(picture):
        nonlocal now
        shown.append(next(clock))
        now += 0.02  # so much work is in a preview

    def step(index, steps):
        nonlocal now
        now += 0.1

    with previews.shown(painter, SIZE, show):
        inference.text_to_image(painter, SPEC | {"steps": 50}, step)
    assert len(shown) == 3  # in 5 s: at once, and then every two seconds


def test_nothing_is_worked_out_as_long_as_nobody_looks(painter, always, monkeypatch):
    looks, shown = iter((False, False, True)), []
    with previews.shown(painter, SIZE, shown.append, lambda: next(looks)):
        paint(painter)
    assert len(shown) == 1
    monkeypatch.setattr(previews, "learn_colors", lambda *given: 1 / 0)
    monkeypatch.setattr(previews, "expect", lambda *given: 1 / 0)
    with previews.shown(painter, SIZE, shown.append, lambda: False):
        paint(painter)
    assert len(shown) == 1


def test_what_goes_wrong_in_a_sampler_that_is_odd_ends_no_pass(painter, always, monkeypatch):
    monkeypatch.setattr(previews, "expect", lambda *given: 1 / 0)
    shown = []
    with previews.shown(painter, SIZE, shown.append):
        assert paint(painter)
    assert shown == []


def test_whoever_is_shown_a_preview_may_end_the_pass(painter, always):
    class EnoughError(Exception):
        pass

    def stop(picture):
        raise EnoughError

    with pytest.raises(EnoughError), previews.shown(painter, SIZE, stop):
        paint(painter)
    assert "step" not in vars(painter.scheduler)
