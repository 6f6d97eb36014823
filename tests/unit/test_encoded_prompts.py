"""Encoded prompts: encoded once, given back unchanged, and told apart by all that decides them."""

import pytest
import torch

from strata.diffusion import encoded_prompts
from strata.diffusion.encoded_prompts import EncodedPrompts


class Pipeline:
    """Encodes a prompt as its letters."""

    def __init__(self):
        self.encoded = []

    def encode_prompt(self, prompt, device=None, negative_prompt=None, image=None):
        self.encoded.append(prompt)
        letters = torch.tensor([[ord(letter) for letter in prompt]], dtype=torch.bfloat16)
        return letters, None, [letters + 1]


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def encode(prompts, pipeline, *arguments, weights=None, **named):
    with prompts.lent_to(pipeline, weights):
        return pipeline.encode_prompt(*arguments, **named)


def test_a_prompt_is_encoded_once_and_comes_back_unchanged(pipeline):
    prompts = EncodedPrompts()
    first = encode(prompts, pipeline, "a rover", device=torch.device("cpu"))
    again = encode(prompts, pipeline, "a rover", device=torch.device("cpu"))
    assert pipeline.encoded == ["a rover"]
    assert torch.equal(first[0], again[0]) and torch.equal(first[2][0], again[2][0])
    assert first[1] is again[1] is None
    assert again[0].dtype == torch.bfloat16


def test_what_a_pass_does_to_its_own_does_not_come_back(pipeline):
    prompts = EncodedPrompts()
    for _ in range(2):
        encode(prompts, pipeline, "a rover")[0].zero_()
    assert encode(prompts, pipeline, "a rover")[0].any()


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "a robot"},
        {"prompt": "a rover", "negative_prompt": "blur"},
        {"prompt": "a rover", "weights": [{"file": "a.safetensors", "weight": 0.5}]},
    ],
)
def test_whatever_decides_it_tells_prompts_apart(pipeline, other):
    prompts = EncodedPrompts()
    encode(prompts, pipeline, prompt="a rover")
    encode(prompts, pipeline, **other)
    assert len(pipeline.encoded) == 2


def test_a_prompt_with_a_picture_is_encoded_each_time(pipeline):
    prompts = EncodedPrompts()
    for _ in range(2):
        encode(prompts, pipeline, "a rover", image=torch.zeros(1))
    assert len(pipeline.encoded) == 2


def test_the_pipeline_is_as_it_was_afterwards(pipeline):
    with pytest.raises(KeyError), EncodedPrompts().lent_to(pipeline, None):
        raise KeyError
    assert "encode_prompt" not in vars(pipeline)


def test_what_encodes_no_prompt_is_left_alone():
    with EncodedPrompts().lent_to(object(), None):
        pass


def test_the_longest_unused_go_when_it_is_too_much(pipeline, monkeypatch):
    prompts = EncodedPrompts()
    monkeypatch.setattr(encoded_prompts, "MOST_BYTES", 2 * 4 * len("rover"))  # two prompts
    for prompt in ("rover", "robot", "rover", "fungi", "rover", "robot"):
        encode(prompts, pipeline, prompt)
    assert pipeline.encoded == ["rover", "robot", "fungi", "robot"]
