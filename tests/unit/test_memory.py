"""What each step of the ladder takes of a device's memory, counted byte by byte, and that a pass goes down it."""

import gc
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw

from counted_device import CountedDevice, stand_ins
from strata.painting import paint
from strata.diffusion import pipeline_cache, placement
from strata.painting import execution
from strata.errors import StrataError
from strata.painting.request import Request
from strata.scene.scene import Scene
from workshop import scene

SIZE = (96, 64)


class Silent:
    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    def step(self, done, steps):
        pass

    def note(self, text):
        self.lines.append(text)

    def check(self):
        pass


class Card:
    """Passes on a device whose memory is counted, painted by one process.

    Attributes:
        device: its memory.
        held: the pipelines on it.
    """

    def __init__(self, models, device):
        self.device, self.held = device, pipeline_cache.Shelf()
        self._scene = Scene(scene(models), "config.yaml")

    def paint(self, task: str, attempt: int = 1, placement: str = "auto") -> None:
        """Writes layer.png."""
        spec, paths = self._scene.background(), {}
        if task == "inpaint":
            spec, paths = self._scene.inpaint("astronaut"), {"plate": ("plate.png",), "mask": "mask.png"}
        runtime = {"device": "auto", "placement": placement, "threads": 1, "store": {"folder": ".strata/store"}}
        request = paint.located(Request(spec, "layer.png", runtime, attempt, **paths))
        self.log = Silent()
        with self.device:
            execution.perform(request, paint._window(request), self.log, self.held)


@pytest.fixture(scope="module")
def machine_of(models, tmp_path_factory):
    """Makes the only device of this machine: one with so many bytes."""
    folder = tmp_path_factory.mktemp("memory")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # accelerate looks for garbage after each layer, which takes long and changes nothing that is counted here.
        patch.setattr("accelerate.utils.modeling.clear_device_cache", lambda *_, **__: None)
        Image.linear_gradient("L").resize(SIZE).convert("RGB").save("plate.png")
        mask = Image.new("L", SIZE)
        ImageDraw.Draw(mask).ellipse((16, 8, 64, 56), fill=255)
        mask.save("mask.png")

        def make(limit=None) -> Card:
            device = CountedDevice(limit)
            for name, function in stand_ins(device).items():
                patch.setattr(hardware, name, function)
            return Card(models, device)

        yield make


@pytest.fixture(scope="module")
def measured(machine_of) -> dict[str, dict[str, tuple[int, bytes]]]:
    """Of each task and placement: the most bytes that a pass takes with nothing else on the device, and its layer."""
    found = {}
    for task in ("text_to_image", "inpaint"):
        for placement in placement.LADDER:
            roomy = machine_of()
            roomy.paint(task, placement=placement)
            assert f"placed {placement}" in roomy.log.lines[0]
            found.setdefault(task, {})[placement] = roomy.device.peak, Path("layer.png").read_bytes()
    return found


@pytest.mark.parametrize("task", ["text_to_image", "inpaint"])
def test_each_step_needs_less_and_all_but_the_last_paint_the_same(measured, task):
    peaks, pictures = zip(*measured[task].values(), strict=True)
    assert list(peaks) == sorted(set(peaks), reverse=True)
    assert pictures[0] == pictures[1] == pictures[2]
    assert b"in tiles" in pictures[3]


@pytest.mark.parametrize("task", ["text_to_image", "inpaint"])
def test_a_pass_that_runs_out_is_painted_further_down(machine_of, measured, task):
    """The limit is what the last step needs, to the byte: the others run out of it by themselves, wherever in the pass."""
    peak, layer = measured[task]["tiles"]
    tight = machine_of(peak)
    for attempt in (1, 2, 3):
        with pytest.raises(StrataError, match=f"counted:0 ran out of memory at attempt {attempt}"):
            tight.paint(task, attempt, placement="whole")
        gc.collect()
        assert tight.device.used == 0  # nothing that failed is left
    tight.paint(task, 4, placement="whole")
    assert tight.device.peak <= peak
    assert Path("layer.png").read_bytes() == layer


def test_pipelines_of_other_passes_make_room_first(machine_of, measured):
    alone = max(measured[task]["whole"][0] for task in measured)
    tight = machine_of(alone)
    for task in ("text_to_image", "inpaint"):
        tight.paint(task, placement="whole")
        assert Path("layer.png").read_bytes() == measured[task]["whole"][1]
    assert tight.device.peak <= alone


def test_auto_begins_where_the_weights_and_a_pass_fit(machine_of, measured, models, monkeypatch):
    parts = [
        sum(path.stat().st_size for path in (models / "text-to-image" / name).glob("*.safetensors"))
        for name in ("unet", "vae", "text_encoder")
    ]
    headroom = measured["text_to_image"]["whole"][0] - sum(parts)
    monkeypatch.setattr(placement, "HEADROOM_BYTES", headroom)
    monkeypatch.setattr(placement, "HEADROOM_SHARE", 0)
    for free, placement in [(sum(parts), "whole"), (max(parts), "model"), (max(parts) // 2, "sequential")]:
        tight = machine_of(free + headroom)
        tight.paint("text_to_image")
        assert f"placed {placement}" in tight.log.lines[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_card_with_little_memory_paints_further_down(models, tmp_path, monkeypatch):
    """The same on a real one, whose memory torch is told to limit."""
    monkeypatch.chdir(tmp_path)

    class Whole:
        def __enter__(self):
            pass

        def __exit__(self, *error):
            pass

    real, peaks = Card(models, Whole()), []
    for placement in placement.LADDER:
        real.held.forget("cuda:0")
        torch.cuda.reset_peak_memory_stats()
        real.paint("text_to_image", placement=placement)
        peaks.append(torch.cuda.max_memory_allocated())
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > peaks[-1]
