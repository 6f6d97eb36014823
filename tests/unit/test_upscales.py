"""What the rule upscale must know: no more than its method reads, and nothing that cannot be."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from strata.errors import StrataError
from strata.passes import Upscale
from strata.scene.scene import Scene


@pytest.fixture(autouse=True)
def files(config) -> None:
    """A file of weights, and one that is none."""
    save_file({"weight": torch.zeros(3)}, "network.safetensors")
    Path("old.pth").write_bytes(b"a pickle")


def describe(config: dict, **settings) -> Upscale:
    return Scene(config | {"upscale": settings}, "config.yaml").upscale(2)


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
def test_a_wrong_setting_is_told_before_anything_is_loaded(config, settings, said):
    with pytest.raises(StrataError, match=said):
        describe(config, **settings)


METHODS = {
    "lanczos": {"method": "lanczos"},
    "network": {"method": "network", "network": "network.safetensors"},
    "diffusion": {"method": "diffusion", "model": {"id": "someone/something"}},
}


@pytest.mark.parametrize(
    ("setting", "methods"),
    [
        ({"tile": 512}, {"network", "diffusion"}),
        ({"overlap": 8}, {"network", "diffusion"}),
        ({"prompt": "a sea"}, {"diffusion"}),
        ({"negative_prompt": "blur"}, {"diffusion"}),
        ({"seed": 3}, {"diffusion"}),
        ({"steps": 3}, {"diffusion"}),
        ({"guidance_scale": 3}, {"diffusion"}),
        ({"noise_level": 3}, {"diffusion"}),
    ],
)
def test_a_setting_counts_for_the_methods_that_read_it(config, setting, methods):
    counts = {
        method for method, own in METHODS.items() if describe(config, **own, **setting) != describe(config, **own)
    }
    assert counts == methods


def test_the_prompt_is_the_backgrounds_if_there_is_no_other(config):
    assert describe(config, **METHODS["diffusion"])["prompt"] == "a desert"
    assert describe(config, **METHODS["diffusion"], prompt="")["prompt"] == ""
