"""What the table of families says of speed is what their transformers and UNets say; what a family lacks is a sentence."""

import diffusers
import pytest
from diffusers.models.cache_utils import CacheMixin

from strata.errors import StrataError
from strata.models import families
from strata.scene.scene import Scene

DENOISERS = {
    "StableDiffusion": "UNet2DConditionModel",
    "StableDiffusionXL": "UNet2DConditionModel",
    "StableDiffusion3": "SD3Transformer2DModel",
    "QwenImage": "QwenImageTransformer2DModel",
    "QwenImageEdit": "QwenImageTransformer2DModel",
    "ZImage": "ZImageTransformer2DModel",
    "Flux": "FluxTransformer2DModel",
    "FluxKontext": "FluxTransformer2DModel",
    "Flux2Klein": "Flux2Transformer2DModel",
}


@pytest.mark.parametrize("family", families.FAMILIES)
def test_a_family_has_what_its_denoiser_has(family):
    denoiser = getattr(diffusers, DENOISERS[family])
    assert (family in families.COMPILED) == bool(getattr(denoiser, "_repeated_blocks", None))
    assert (family in families.CACHED["taylor_seer"]) == issubclass(denoiser, CacheMixin)
    assert set(families.CACHED["first_block"]) <= set(families.CACHED["taylor_seer"])
    assert hasattr(denoiser, "enable_layerwise_casting")


def test_an_inpainting_model_of_its_own_class_has_its_family():
    assert families.RELATED["FluxFillPipeline"] == "Flux"
    assert families.find_family("FluxFillPipeline") is None  # which chooses another class


@pytest.fixture
def describe(models_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def describe(family: str, speed: dict) -> Scene:
        models = {key: {"id": str(folder), "speed": speed} for key, folder in models_of(family).items()}
        return Scene({"models": models, "background": {"prompt": "a desert"}}, "config.yaml")

    return describe


@pytest.mark.parametrize(
    ("family", "speed", "sentence"),
    [
        ("sd35", {"compile": True}, "models.text_to_image.speed.compile is true"),
        ("sd15", {"cache": {"kind": "first_block"}}, "speed.cache.kind is first_block"),
        (
            "z-image",
            {"cache": {"kind": "taylor_seer"}},
            "is a ZImagePipeline, for which diffusers has no such cache: QwenImage",
        ),
        (
            "flux2-klein",
            {"cache": {"kind": "first_block"}},
            "is a Flux2KleinPipeline, for which diffusers has no such cache",
        ),
    ],
)
def test_what_a_family_lacks_is_a_sentence(describe, family, speed, sentence):
    with pytest.raises(StrataError) as refused:
        describe(family, speed)
    assert sentence in str(refused.value)


def test_a_speed_that_asks_for_nothing_is_none(describe):
    assert "speed" not in describe("sd15", {}).background()["model"]
    assert "speed" not in describe("sd15", {"compile": False, "weights": None, "cache": None}).background()["model"]
    found = describe("sd15", {"weights": "float8"}).background()["model"]
    assert found["speed"] == {"compile": False, "weights": "float8", "cache": None}


def test_without_a_compiler_it_says_so(monkeypatch):
    from strata.diffusion import speed

    monkeypatch.setattr(speed.shutil, "which", lambda name: None)
    monkeypatch.setattr(speed, "find_spec", lambda name: None)
    with pytest.raises(StrataError, match="needs a C\\+\\+ compiler, and there is none"):
        speed._check_compiler("cpu")
    with pytest.raises(StrataError, match="needs Triton on this device"):
        speed._check_compiler("cuda:0")
