"""Adapters where a pipeline's parts move about to spare memory: they move with them, and leave nothing behind."""

import numpy as np
import pytest
from PIL import Image

import tiny_adapters
from strata.diffusion import pipeline_cache, placement
from strata.painting import execution
from strata.painting.paint import located
from strata.painting.request import Request
from strata.scene.scene import Scene
from strata.scene.scenes import RUNTIME
from studio import Told, described


@pytest.fixture
def layer(models_of, tmp_path, monkeypatch):
    """Paints a background by a placement, and returns the layer's pixels. The processor stands for a graphics card."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(placement, "has_own_memory", lambda device: True)
    monkeypatch.setattr(placement, "free_memory", lambda device: 10**12)
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("style.png")
    config = described(models_of("sd15"))
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    lora = str(tiny_adapters.lora(model["id"], tmp_path / "a.safetensors", parts=("unet", "text_encoder")))
    asked = {"loras": [{"file": lora}], "style": {"image": "style.png"}, "clip_skip": 1}
    held = pipeline_cache.Shelf()

    def paint(placement: str, *keys: str) -> bytes:
        config["background"] |= {"loras": [], "style": None, "clip_skip": None} | {key: asked[key] for key in keys}
        runtime = RUNTIME.complete({"placement": placement, "threads": 1, "device": "cpu"}, "a test")
        request = located(Request(Scene(config, "config.yaml").background(), "layer.png", runtime))
        execution.perform(request, None, Told(), held)
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
