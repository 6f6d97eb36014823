"""What a weight does to the attention that a transformer pays to its reference."""

from types import SimpleNamespace

import pytest
import torch

from helpers.tiny_families import FAMILIES
from strata.diffusion.reference_weight import with_reference_weight

TEXT, PIXELS, SEEN = 3, 4, 5  # tokens of the prompt, of what is denoised, of the reference


@pytest.fixture(scope="module", params=["flux2-klein", "kontext"])
def transformer(request):
    torch.manual_seed(0)
    return FAMILIES[request.param].text_to_image().transformer.eval()


@pytest.fixture(scope="module")
def tokens(transformer):
    """Random ones: a prompt, what is denoised, a reference."""
    generator = torch.Generator().manual_seed(1)
    config = transformer.config
    draw = [(TEXT, config.joint_attention_dim), (PIXELS, config.in_channels), (SEEN, config.in_channels)]
    return [torch.randn(1, *shape, generator=generator) for shape in draw]


def denoise(transformer, prompt, pixels, *references) -> torch.Tensor:
    """What a transformer makes of the pixels when it sees references, of which all have the same positions."""
    axes = len(transformer.config.axes_dims_rope)

    def positions(count: int, picture: int) -> torch.Tensor:
        found = torch.zeros(count, axes)
        found[:, 0], found[:, 1] = picture, torch.arange(count)
        return found

    seen = torch.cat([pixels, *references], dim=1)
    places = torch.cat([positions(PIXELS, 0)] + [positions(SEEN, 1)] * len(references))
    beside = {"guidance": torch.ones(1)} if transformer.config.guidance_embeds else {}
    if "pooled_projection_dim" in transformer.config:
        beside["pooled_projections"] = torch.zeros(1, transformer.config.pooled_projection_dim)
    with torch.no_grad():
        return transformer(
            hidden_states=seen,
            encoder_hidden_states=prompt,
            timestep=torch.tensor([0.5]),
            img_ids=places,
            txt_ids=torch.zeros(TEXT, axes),
            return_dict=False,
            **beside,
        )[0][:, :PIXELS]


def weigh(transformer, tokens, weight: float) -> torch.Tensor:
    with with_reference_weight(SimpleNamespace(transformer=transformer), weight):
        return denoise(transformer, *tokens)


def test_a_weight_of_two_is_the_reference_twice(transformer, tokens):
    prompt, pixels, reference = tokens
    twice = denoise(transformer, prompt, pixels, reference, reference)
    torch.testing.assert_close(weigh(transformer, tokens, 2), twice)
    assert not torch.allclose(weigh(transformer, tokens, 3), twice)


def test_a_weight_of_zero_hides_the_reference(transformer, tokens):
    torch.testing.assert_close(weigh(transformer, tokens, 0), denoise(transformer, *tokens[:2]))


def test_a_weight_of_one_changes_nothing_and_none_is_left(transformer, tokens):
    before = denoise(transformer, *tokens)
    torch.testing.assert_close(weigh(transformer, tokens, 1), before)
    weigh(transformer, tokens, 0.5)
    assert torch.equal(denoise(transformer, *tokens), before)
