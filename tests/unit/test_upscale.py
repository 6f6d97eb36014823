"""Upscalers on tiny models, in this process: sizes, seams, what is refused, and less memory at a further attempt."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers import tiny_upscalers
from helpers.counted_device import CountedDevice, stand_ins
from helpers.recorder import Recorder
from helpers.settings import make_runtime
from strata.diffusion import devices, super_resolution
from strata.diffusion.pipeline_cache import PipelineCache
from strata.errors import OutOfMemoryError, StrataError
from strata.imaging import png
from strata.imaging.tiles import count, enlarge_to, tiled
from strata.painting import execution, paint
from strata.painting.request import Request
from strata.scene.scene import Scene

SIZE = (96, 64)

with_spandrel = pytest.mark.skipif(
    importlib.util.find_spec("spandrel") is None, reason="needs requirements-upscale.txt, installed with --no-deps"
)


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
    return paint.resolve_paths(Request(scene.upscale(factor), "large.png", make_runtime(), plate=("final.png",)))


def diffusion(folder, factor: int = 4, **settings) -> Request:
    model = {"id": str(folder), "dtype": "float32"}
    return request(factor, method="diffusion", model=model, **settings)


def enlarge(request: Request, pipelines: PipelineCache | None = None) -> tuple[bytes, Recorder]:
    """The pixels of the larger picture, and what its pass reported."""
    reporter = Recorder()
    execution.execute(request, paint.look(request), reporter, pipelines or PipelineCache())
    size = tuple(side * request.spec["factor"] for side in SIZE)
    return png.read("large.png", "RGB", size).tobytes(), reporter


def use(device: CountedDevice, monkeypatch) -> CountedDevice:
    """Makes it the only device of this machine."""
    for name, function in stand_ins(device).items():
        monkeypatch.setattr(devices, name, function)
    return device


@pytest.mark.parametrize("kind", ["x4", "x2"])
@pytest.mark.parametrize("factor", [2, 4])
def test_a_diffusion_model_enlarges_by_what_is_asked_for(files, folder, kind, factor):
    pixels, reporter = enlarge(diffusion(files / kind, factor))
    assert "placed whole, in tiles of 64 pixels" in reporter.lines[0]
    assert reporter.steps[0][0] == 1
    assert reporter.steps[-1][0] == reporter.steps[-1][1]
    assert len(set(pixels)) > 1


@pytest.mark.parametrize("kind", ["x4", "x2"])
def test_every_value_counts_and_a_seed_is_a_picture(files, folder, kind):
    pipelines = PipelineCache()
    plain = enlarge(diffusion(files / kind), pipelines)[0]
    assert enlarge(diffusion(files / kind), pipelines)[0] == plain
    changes = {"prompt": "a sea", "seed": 1, "steps": 3, "guidance_scale": 2.0, "negative_prompt": "blur", "tile": 72}
    if kind == "x4":
        changes["noise_level"] = 100
    for key, value in changes.items():
        assert enlarge(diffusion(files / kind, **{key: value}), pipelines)[0] != plain, key


@with_spandrel
@pytest.mark.parametrize("factor", [2, 4])
def test_a_network_leaves_no_trace_of_the_tiles(files, folder, factor):
    """It sees 20 pixels to each side: a quarter of an overlap of 80."""
    Image.open("final.png").resize((300, 200)).save("final.png")
    picture = png.read("final.png", "RGB", (300, 200))
    network = super_resolution.load(files / "network.safetensors", "cpu")
    whole = network(picture, (0, 0))
    in_tiles = tiled(picture, 160, 80, network)
    assert count(picture.size, 160, 80) > 4
    assert np.abs(np.asarray(whole).astype(int) - np.asarray(in_tiles)).max() <= 1
    assert enlarge_to(picture, factor, lambda part: network(part, (0, 0))).size == (300 * factor, 200 * factor)


@with_spandrel
def test_a_network_takes_smaller_tiles_at_a_further_attempt(files, folder):
    first = request(method="network", network=str(files / "network.safetensors"), tile=128)
    assert "in tiles of 128 pixels" in enlarge(first)[1].lines[0]
    pixels, reporter = enlarge(replace(first, attempt=2))
    assert "in tiles of 64 pixels (attempt 2: the one before ran out of memory)" in reporter.lines[0]
    assert [step[1] for step in reporter.steps] == [2, 2]
    assert b'"tile": "64"' in (folder / "large.png").read_bytes()
    assert len(set(pixels)) > 1


@with_spandrel
def test_a_network_needs_less_memory_in_smaller_tiles(files, folder, monkeypatch):
    """Counted byte by byte: what runs out at one attempt is enough for the next."""
    described = request(method="network", network=str(files / "network.safetensors"), tile=128)
    peaks = []
    for attempt in (1, 2):
        device = use(CountedDevice(), monkeypatch)
        with device:
            enlarge(replace(described, attempt=attempt))
        peaks.append(device.peak)
    assert peaks[1] < peaks[0]
    device = use(CountedDevice(peaks[1]), monkeypatch)
    with device, pytest.raises(OutOfMemoryError, match=r"ran out of memory at attempt 1 .* smaller tiles"):
        enlarge(described)
    with device:
        enlarge(replace(described, attempt=2))


@with_spandrel
def test_a_network_that_changed_is_refused(files, folder):
    path = tiny_upscalers.network(folder / "network.safetensors")
    planned = request(method="network", network=str(path))
    tiny_upscalers.network(path, scale=2)
    with pytest.raises(StrataError, match="changed after the build began"):
        enlarge(planned)


@with_spandrel
def test_a_file_that_holds_no_network_is_refused(folder):
    save_file({"weight": torch.zeros(3)}, folder / "odd.safetensors")
    with pytest.raises(StrataError, match=r"The network odd.safetensors could not be loaded"):
        enlarge(request(method="network", network="odd.safetensors"))


def test_without_spandrel_a_sentence_says_how_to_get_it(folder, monkeypatch):
    save_file({"weight": torch.zeros(3)}, folder / "any.safetensors")
    monkeypatch.setattr(super_resolution, "find_spec", lambda name: None)
    with pytest.raises(StrataError, match=r"pip install --no-deps -r requirements-upscale.txt"):
        enlarge(request(method="network", network="any.safetensors"))


def test_a_diffusion_model_goes_down_the_ladder(files, folder, monkeypatch):
    monkeypatch.setattr("accelerate.utils.modeling.clear_device_cache", lambda *_, **__: None)
    described = diffusion(files / "x4", tile=128, steps=1)
    peaks = []
    for attempt in (1, 2, 3, 4):
        device = use(CountedDevice(), monkeypatch)
        monkeypatch.setattr(devices, "HEADROOM_BYTES", 0)
        with device:
            reporter = enlarge(replace(described, attempt=attempt))[1]
        assert f"placed {devices.LADDER[attempt - 1]}" in reporter.lines[0]
        peaks.append(device.peak)
    assert peaks == sorted(set(peaks), reverse=True)
    assert "in tiles of 64 pixels" in reporter.lines[0]
