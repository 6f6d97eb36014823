"""Faster models: other pictures, the same ones twice, and nothing left behind in models that are not."""

from functools import partialmethod

import numpy as np
import pytest
from diffusers import ModelMixin
from PIL import Image

from helpers import tiny_adapters
from helpers.in_process import describe_scene
from helpers.tiny_families import FAMILIES
from strata.errors import StrataError

FLOAT8, FIRST, TAYLOR = (
    {"weights": "float8"},
    {"cache": {"kind": "first_block", "threshold": 2.0}},
    {"cache": {"kind": "taylor_seer", "interval": 3}},
)
SPEEDS = {name: [FLOAT8] for name in FAMILIES}
for family in ("qwen-image", "flux-fill", "kontext", "qwen-edit"):
    SPEEDS[family].append(FIRST)
for family in ("qwen-image", "flux-fill", "kontext", "qwen-edit", "flux2-klein"):
    SPEEDS[family].append(TAYLOR)


def describe(folders, steps: int = 3) -> dict:
    config = describe_scene(folders)
    config["subjects"] = {"rover": config["subjects"]["rover"] | {"strength": 1.0, "steps": steps}}
    config["background"]["steps"] = steps
    config["effects"], config["composite"] = {}, {}
    return config


def read(pictures: dict) -> dict[str, bytes]:
    return {name: picture.tobytes() for name, picture in pictures.items()}


@pytest.mark.parametrize("name", SPEEDS)
def test_a_faster_model_paints_another_picture_and_the_same_one_twice(name, models_of, builder):
    """Beside the same model as it is, which stays as it is."""
    # Steps are skipped where there are some.
    config = describe(models_of(name), steps=3 if SPEEDS[name] == [FLOAT8] else 5)
    plain = read(builder.build(config)[0])
    for speed in SPEEDS[name]:
        for model in config["models"].values():
            model["speed"] = speed
        pictures, _ = builder.build(config)
        faster = read(pictures)
        assert {layer for layer in faster if faster[layer] != plain[layer]} >= {"final"}, speed
        outside = np.asarray(pictures["mask of rover"]) == 0
        assert (np.asarray(pictures["rover"])[outside][:, 3] == 0).all(), speed
        other = config | {"background": config["background"] | {"seed": 5}, "subjects": {}}
        assert read(builder.build(other)[0])["background"] != faster["background"], speed
        assert read(builder.build(config)[0]) == faster, speed
    for model in config["models"].values():
        del model["speed"]
    assert read(builder.build(config)[0]) == plain


def test_small_weights_take_a_style_and_no_loras(models_of, builder, tmp_path):
    """A style leaves nothing behind."""
    folders = models_of("sd15")
    config = describe(folders)
    for model in config["models"].values():
        model["speed"] = FLOAT8
    adapter = tiny_adapters.style(folders["text_to_image"], tmp_path / "adapter")
    config["models"]["text_to_image"]["style_adapter"] = adapter
    before = read(builder.build(config)[0])
    Image.linear_gradient("L").convert("RGB").save("style.png")
    config["background"]["style"] = {"image": "style.png", "weight": 1.0}
    assert read(builder.build(config)[0])["background"] != before["background"]
    config["background"]["style"] = None
    assert read(builder.build(config)[0]) == before
    file = tiny_adapters.lora(folders["text_to_image"], tmp_path / "a.safetensors")
    config["background"]["loras"] = [{"file": str(file)}]
    with pytest.raises(StrataError, match=r"speed\.weights is float8, which takes no LoRA adapters"):
        builder.build(config)


def test_blocks_are_compiled(models_of, builder, monkeypatch):
    """By torch's own graphs alone: making machine code of them takes a minute."""
    compiled = []
    original = ModelMixin.compile_repeated_blocks

    def compile_repeated_blocks(self, backend: str):
        compiled.append(type(self).__name__)
        original(self, backend=backend)

    monkeypatch.setattr(ModelMixin, "compile_repeated_blocks", partialmethod(compile_repeated_blocks, "eager"))
    config = describe(models_of("flux2-klein"))
    plain = read(builder.build(config)[0])
    for model in config["models"].values():
        model["speed"] = {"compile": True}
    pictures = read(builder.build(config)[0])
    assert compiled == ["Flux2Transformer2DModel"]  # once for the two pipelines that share it
    assert pictures["background"] == plain["background"]
