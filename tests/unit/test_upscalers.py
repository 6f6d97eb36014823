"""Upscalers on tiny models, in this process: sizes, seams, what is refused, and less memory at a further attempt."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import tiny_upscalers
from counted_device import CountedDevice, stand_ins
from strata.imaging import png, tiles
from strata.painting import paint
from strata.diffusion import pipeline_cache, placement, super_resolution
from strata.painting import execution
from strata.errors import StrataError
from strata.painting.request import Request
from strata.scene.scene import Scene

SIZE = (96, 64)

with_spandrel = pytest.mark.skipif(
    importlib.util.find_spec("spandrel") is None, reason="needs requirements-upscale.txt, installed with --no-deps"
)


class Told:
    """A log that remembers."""

    def __init__(self):
        self.lines, self.steps = [], []

    def say(self, text):
        self.lines.append(text)

    note = say

    def step(self, done, steps):
        self.steps.append((done, steps))

    def check(self):
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The tiny upscalers `x4` and `x2`, and a network if spandrel is there."""
    folder = tmp_path_factory.mktemp("upscalers")
    tiny_upscalers.diffusion(folder / "x4")
    tiny_upscalers.latent(folder / "x2")
    if importlib.util.find_spec("spandrel"):
        tiny_upscalers.network(folder / "network.safetensors")
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save("final.png")
    return tmp_path


def request(factor: int = 4, **settings) -> Request:
    scene = Scene(
        {
            "canvas": dict(zip(("width", "height"), SIZE, strict=True)),
            "background": {"prompt": "a desert"},
            "upscale": {"steps": 2, "tile": 64, "overlap": 16, **settings},
        },
        "config.yaml",
    )
    runtime = {"device": "cpu", "placement": "auto", "threads": 1, "store": {"folder": ".strata/store"}}
    return paint.located(Request(scene.upscale(factor), "large.png", runtime, plate=("final.png",)))


def diffusion(folder, factor: int = 4, **settings) -> Request:
    model = {"id": str(folder), "dtype": "float32"}
    return request(factor, method="diffusion", model=model, **settings)


def made(request: Request, held: pipeline_cache.Shelf | None = None) -> tuple[bytes, Told]:
    log = Told()
    execution.perform(request, paint._window(request), log, held or pipeline_cache.Shelf())
    size = tuple(side * request.spec["factor"] for side in SIZE)
    return png.read("large.png", "RGB", size).tobytes(), log


@pytest.mark.parametrize("kind", ["x4", "x2"])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_diffusion_model_enlarges_by_what_is_asked_for(files, folder, kind, factor):
    pixels, log = made(diffusion(files / kind, factor))
    assert "placed whole, in tiles of 64 pixels" in log.lines[0]
    assert log.steps[0][0] == 1
    assert log.steps[-1][0] == log.steps[-1][1]
    assert len(set(pixels)) > 1


@pytest.mark.parametrize("kind", ["x4", "x2"])
def test_every_value_counts_and_a_seed_is_a_picture(files, folder, kind):
    held = pipeline_cache.Shelf()
    plain = made(diffusion(files / kind), held)[0]
    assert made(diffusion(files / kind), held)[0] == plain
    changes = {"prompt": "a sea", "seed": 1, "steps": 3, "guidance_scale": 2.0, "negative_prompt": "blur", "tile": 72}
    if kind == "x4":
        changes["noise_level"] = 100
    for key, value in changes.items():
        assert made(diffusion(files / kind, **{key: value}), held)[0] != plain, key


@with_spandrel
@pytest.mark.parametrize("factor", [2, 4])
def test_a_network_leaves_no_trace_of_the_tiles(files, folder, factor):
    """It sees 20 pixels to each side: a quarter of an overlap of 80."""
    Image.open("final.png").resize((300, 200)).save("final.png")
    picture = png.read("final.png", "RGB", (300, 200))
    network = super_resolution.load(files / "network.safetensors", "cpu")
    whole = network(picture, (0, 0))
    tiles = tiles.tiled(picture, 160, 80, network)
    assert tiles.count(picture.size, 160, 80) > 4
    assert np.abs(np.asarray(whole).astype(int) - np.asarray(tiles)).max() <= 1
    assert tiles.enlarged(picture, factor, lambda part: network(part, (0, 0))).size == (300 * factor, 200 * factor)


@with_spandrel
def test_a_network_takes_smaller_tiles_at_a_further_attempt(files, folder):
    first = request(method="network", network=str(files / "network.safetensors"), tile=128)
    assert "in tiles of 128 pixels" in made(first)[1].lines[0]
    pixels, log = made(replace(first, attempt=2))
    assert "in tiles of 64 pixels (attempt 2: the one before ran out of memory)" in log.lines[0]
    assert [step[1] for step in log.steps] == [2, 2]
    assert b'"tile": "64"' in (folder / "large.png").read_bytes()
    assert len(set(pixels)) > 1


@with_spandrel
def test_a_network_needs_less_memory_in_smaller_tiles(files, folder, monkeypatch):
    """Counted byte by byte: what runs out at one attempt is enough for the next."""
    described = request(method="network", network=str(files / "network.safetensors"), tile=128)
    peaks = []
    for attempt in (1, 2):
        device = CountedDevice()
        for name, function in stand_ins(device).items():
            monkeypatch.setattr(placement, name, function)
        with device:
            made(replace(described, attempt=attempt))
        peaks.append(device.peak)
    assert peaks[1] < peaks[0]
    device = CountedDevice(peaks[1])
    for name, function in stand_ins(device).items():
        monkeypatch.setattr(placement, name, function)
    with device, pytest.raises(StrataError, match=r"ran out of memory at attempt 1 .* smaller tiles"):
        made(described)
    with device:
        made(replace(described, attempt=2))


@with_spandrel
def test_a_network_that_changed_is_refused(files, folder):
    path = tiny_upscalers.network(folder / "network.safetensors")
    planned = request(method="network", network=str(path))
    tiny_upscalers.network(path, scale=2)
    with pytest.raises(StrataError, match="changed after the build began"):
        made(planned)


@with_spandrel
def test_a_file_that_holds_no_network_is_refused(folder):
    save_file({"weight": torch.zeros(3)}, folder / "odd.safetensors")
    with pytest.raises(StrataError, match=r"The network odd.safetensors could not be loaded"):
        made(request(method="network", network="odd.safetensors"))


def test_without_spandrel_a_sentence_says_how_to_get_it(folder, monkeypatch):
    save_file({"weight": torch.zeros(3)}, folder / "any.safetensors")
    monkeypatch.setattr(super_resolution, "find_spec", lambda name: None)
    with pytest.raises(StrataError, match=r"pip install --no-deps -r requirements-upscale.txt"):
        made(request(method="network", network="any.safetensors"))


def test_a_pipeline_that_is_no_upscaler_is_refused(models, folder):
    with pytest.raises(StrataError, match="is a StableDiffusionPipeline, which is no upscaler"):
        made(diffusion(models / "text-to-image"))


def test_a_diffusion_model_goes_down_the_ladder(files, folder, monkeypatch):
    monkeypatch.setattr("accelerate.utils.modeling.clear_device_cache", lambda *_, **__: None)
    described = diffusion(files / "x4", tile=128, steps=1)
    peaks = []
    for attempt in (1, 2, 3, 4):
        device = CountedDevice()
        for name, function in stand_ins(device).items():
            monkeypatch.setattr(placement, name, function)
        monkeypatch.setattr(placement, "HEADROOM_BYTES", 0)
        with device:
            log = made(replace(described, attempt=attempt))[1]
        assert f"placed {placement.LADDER[attempt - 1]}" in log.lines[0]
        peaks.append(device.peak)
    assert peaks == sorted(set(peaks), reverse=True)
    assert "in tiles of 64 pixels" in log.lines[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": "network"}, "upscale.network is missing"),
        (
            {"method": "network", "network": "none.safetensors"},
            "upscale.network is 'none.safetensors', but there is no",
        ),
        ({"method": "network", "network": "old.pth"}, "is not a safetensors file"),
        ({"method": "diffusion", "model": {"id": "none"}}, "upscale.model.id is 'none', but there is no model_index"),
        ({"tile": 64, "overlap": 33}, "upscale.overlap is 33, but tiles of 64 pixels can share at most half"),
        ({"method": "cubic"}, "upscale.method is 'cubic', but must be one of lanczos, network, diffusion"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_loaded(folder, settings, said):
    (folder / "old.pth").write_bytes(b"a pickle")
    with pytest.raises(StrataError, match=said):
        request(**settings)
