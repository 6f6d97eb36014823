"""What only a card can show: pytest -n 0 -m gpu. Skipped where there is none."""

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.recorder import Recorder
from helpers.settings import make_runtime
from helpers.working_folder import ROOT, scene
from strata.diffusion import devices, pipelines
from strata.diffusion.pipeline_cache import PipelineCache
from strata.painting import execution
from strata.painting.paint import resolve_paths
from strata.painting.request import Request
from strata.scene.scene import Scene

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]


def test_each_placement_paints_the_same_and_takes_less_of_the_card(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    background, held = Scene(scene(models), "config.yaml").background(), PipelineCache()
    peaks, layers = [], []
    for placement in devices.LADDER:
        held.forget("cuda:0")
        torch.cuda.reset_peak_memory_stats()
        request = resolve_paths(Request(background, "layer.png", make_runtime(device="cuda", placement=placement)))
        execution.execute(request, None, Recorder(), held)
        peaks.append(torch.cuda.max_memory_allocated())
        layers.append(Path("layer.png").read_bytes())
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > peaks[-1]
    assert layers[0] == layers[1] == layers[2]  # the last one decodes in tiles


def test_a_card_paints_nearly_what_a_processor_paints():
    """Noise comes from the processor, so that a seed means the same picture."""
    folder = ROOT / "models/embedded/text-to-image"
    model = {"id": str(folder), "revision": None, "variant": None, "dtype": "float32", "fingerprint": None}
    pictures = []
    for device in ("cpu", "cuda:0"):
        pipeline = pipelines.load("text_to_image", model, folder, device, "whole", 1).pipeline
        noise = torch.Generator("cpu").manual_seed(77)
        picture = pipeline("a desert at golden hour", width=768, height=512, num_inference_steps=20, generator=noise)
        pictures.append(np.asarray(picture.images[0]).astype(int))
    assert np.abs(pictures[0] - pictures[1]).mean() < 3


def test_what_a_card_computes_in_is_finite():
    """Automatic precision must not be one in which the embedded model overflows."""
    chosen = devices.choose_dtype("auto", "cuda:0")
    assert chosen in (torch.bfloat16, torch.float16)
    assert torch.isfinite(
        torch.full((8, 8), 200.0, dtype=chosen, device="cuda:0") @ torch.ones(8, 8, dtype=chosen, device="cuda:0")
    ).all()
