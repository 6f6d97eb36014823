"""A pass on a device whose memory is short: what each step of the ladder takes, byte by byte, and that a pass goes down it."""

import gc
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw

from helpers.counted_device import CountedDevice, stand_ins
from helpers.recorder import Recorder
from helpers.settings import make_runtime
from helpers.working_folder import scene
from strata.diffusion import devices
from strata.diffusion.pipeline_cache import PipelineCache
from strata.errors import OutOfMemoryError, StrataError
from strata.painting import execution, paint
from strata.painting.request import Request
from strata.scene.scene import Scene

SIZE = (96, 64)


class Card:
    """Passes on a device whose memory is counted, painted by one process.

    Attributes:
        scene: whose passes they are.
        device: its memory.
        pipelines: those that lie on it.
        reporter: what the latest pass reported.
    """

    def __init__(self, models, device):
        self.device, self.pipelines = device, PipelineCache()
        self.scene = Scene(scene(models), "config.yaml")

    def paint(self, task: str, attempt: int = 1, placement: str = "auto") -> None:
        """Writes layer.png."""
        spec, paths = self.scene.background(), {}
        if task == "inpaint":
            spec, paths = self.scene.inpaint("astronaut"), {"plate": ("plate.png",), "mask": "mask.png"}
        runtime = make_runtime(device="auto", placement=placement)
        request = paint.resolve_paths(Request(spec, "layer.png", runtime, attempt, **paths))
        self.reporter = Recorder()
        with self.device:
            execution.execute(request, paint.look(request), self.reporter, self.pipelines)


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
                patch.setattr(devices, name, function)
            return Card(models, device)

        yield make


@pytest.fixture(scope="module")
def measured(machine_of) -> dict[str, dict[str, tuple[int, bytes]]]:
    """Of each task and placement: the most bytes that a pass takes with nothing else on the device, and its layer."""
    found = {}
    for task in ("text_to_image", "inpaint"):
        for placement in devices.LADDER:
            roomy = machine_of()
            roomy.paint(task, placement=placement)
            assert f"placed {placement}" in roomy.reporter.lines[0]
            assert roomy.reporter.previews  # the first at once, others by the clock
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
        with pytest.raises(OutOfMemoryError, match=f"counted:0 ran out of memory at attempt {attempt}"):
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
    monkeypatch.setattr(devices, "HEADROOM_BYTES", headroom)
    monkeypatch.setattr(devices, "HEADROOM_SHARE", 0)
    for free, placement in [(sum(parts), "whole"), (max(parts), "model"), (max(parts) // 2, "sequential")]:
        tight = machine_of(free + headroom)
        tight.paint("text_to_image")
        assert f"placed {placement}" in tight.reporter.lines[0]


def test_a_model_that_cannot_be_loaded_is_a_sentence(machine_of):
    card = machine_of()
    card.scene.description["models"]["text_to_image"]["variant"] = "fp16"
    said = r"^The model .*text-to-image could not be loaded: .*fp16.* Its folder must hold all parts"
    with pytest.raises(StrataError, match=said):
        card.paint("text_to_image")


PASS = SimpleNamespace(attempt=1, spec={"task": "text_to_image"})


def cache_of(*tasks: str) -> PipelineCache:
    """A cache that holds a pipeline for each task, none of which has weights."""
    pipelines = PipelineCache()
    pipelines._held = {("cpu", task, "", '{"id": "tiny"}', "auto", 1): None for task in tasks}
    return pipelines


def test_short_of_memory_the_pipelines_of_other_passes_go_first():
    pipelines, tries = cache_of("text_to_image", "inpaint"), []

    def work():
        tries.append(pipelines.names())
        if len(tries) == 1:
            raise MemoryError("too large")
        return "painted"

    assert execution._with_room(PASS, "cpu", pipelines, work) == "painted"
    assert [len(names) for names in tries] == [2, 0]


@pytest.mark.parametrize(("held", "tries"), [((), 1), (("text_to_image",), 1), (("text_to_image", "inpaint"), 2)])
def test_when_that_does_not_help_a_sentence_says_what_does(held, tries):
    tried = []

    def work():
        tried.append(1)
        raise MemoryError("too large")

    with pytest.raises(
        OutOfMemoryError, match=r"cpu ran out of memory at attempt 1 \(too large\)\. Attempts with less of it"
    ):
        execution._with_room(PASS, "cpu", cache_of(*held), work)
    assert len(tried) == tries


def test_an_error_that_is_not_about_memory_is_tried_once():
    tried = []

    def fail():
        tried.append(1)
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        execution._with_room(PASS, "cpu", cache_of("a", "b"), fail)
    assert len(tried) == 1
