"""Adapters where a pipeline's parts move about to spare memory: they move with them, and leave nothing behind."""

import numpy as np
import pytest
from PIL import Image

from helpers import tiny_adapters
from helpers.in_process import describe_scene
from helpers.recorder import Recorder
from helpers.settings import make_runtime
from strata.diffusion import devices
from strata.diffusion.pipeline_cache import PipelineCache
from strata.painting import execution
from strata.painting.paint import look, resolve_paths
from strata.painting.request import Request
from strata.scene.scene import Scene


@pytest.fixture
def layer(models_of, tmp_path, monkeypatch):
    """Paints a background by a placement, and returns the layer's pixels. The processor stands for a graphics card."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(devices, "has_own_memory", lambda device: True)
    monkeypatch.setattr(devices, "free_memory", lambda device: 10**12)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("style.png")
    config = describe_scene(models_of("sd15"))
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    lora = str(tiny_adapters.lora(model["id"], tmp_path / "a.safetensors", parts=("unet", "text_encoder")))
    asked = {"loras": [{"file": lora}], "style": {"image": "style.png"}, "clip_skip": 1}
    pipelines = PipelineCache()

    def paint(placement: str, *keys: str) -> bytes:
        config["background"] |= {"loras": [], "style": None, "clip_skip": None} | {key: asked[key] for key in keys}
        runtime = make_runtime(placement=placement)
        guides = {"style_picture": "style.png"} if config["background"]["style"] else {}
        request = resolve_paths(Request(Scene(config, "config.yaml").background(), "layer.png", runtime, guides=guides))
        execution.execute(request, look(request), Recorder(), pipelines)
        with Image.open("layer.png") as image:
            return image.tobytes()

    return paint


def test_a_placement_changes_no_pixel_of_what_adapters_do(layer):
    """Part by part; layer by layer needs a device that the processor cannot stand for."""
    plain = layer("model")
    assert plain == layer("whole")
    for keys in (["loras"], ["style"], ["loras", "style", "clip_skip"]):
        adapted = layer("model", *keys)
        assert adapted == layer("whole", *keys)
        assert adapted != plain
        assert layer("model") == plain == layer("whole")
