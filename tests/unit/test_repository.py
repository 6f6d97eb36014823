"""Which files of a repository a pass needs, and what they hold."""

import hashlib
import subprocess

import pytest
import torch
from safetensors.torch import save_file

from strata.models.repository import choose_files, digest_as_git, find_precision

INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "safety_checker": [None, None],
    "requires_safety_checker": True,
}
SMALL = [
    "model_index.json",
    "text_encoder/config.json",
    "tokenizer/merges.txt",
    "tokenizer/spiece.model",
    "tokenizer/vocab.json",
    "unet/config.json",
]
PLAIN = ["text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors"]
HALF = ["text_encoder/model.fp16.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"]
NEVER = [
    "README.md",
    "v1-5-pruned.safetensors",
    "v1-5-pruned.ckpt",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.bin",
    "unet/pipeline.py",
    "unet/openvino_model.xml",
    "text_encoder/flax_model.msgpack",
    "safety_checker/model.safetensors",
    "safety_checker/config.json",
    "feature_extractor/preprocessor_config.json",
    "unet/onnx/model.safetensors",
]


def test_a_single_model_is_what_lies_beside_its_config():
    small = ["config.json", "preprocessor_config.json", "tokenizer.json", "vocab.txt"]
    never = ["README.md", "pytorch_model.bin", "sam2.1_hiera_tiny.pt", "onnx/config.json", "onnx/model.safetensors"]
    weights = ["model.safetensors", "model.fp16.safetensors"]
    assert choose_files(small + never + weights, None, None) == sorted([*small, "model.safetensors"])
    assert choose_files(small + never + weights, None, "fp16") == sorted([*small, "model.fp16.safetensors"])
    with pytest.raises(ValueError, match=r"^it has no safetensors, only pickles"):
        choose_files(small + never, None, None)


@pytest.mark.parametrize(
    ("there", "variant", "weights"),
    [
        (PLAIN, None, PLAIN),
        (PLAIN + HALF, None, PLAIN),
        (PLAIN + HALF, "fp16", HALF),
        ([PLAIN[0], HALF[1]], "fp16", [PLAIN[0], HALF[1]]),  # a mixture, as diffusers loads it
    ],
)
def test_safetensors_of_the_variant_and_what_configures_them(there, variant, weights):
    assert choose_files(SMALL + there + NEVER, INDEX, variant) == sorted(SMALL + weights)


@pytest.mark.parametrize(
    ("variant", "weights"),
    [
        (
            None,
            [
                "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
                "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
                "unet/diffusion_pytorch_model.safetensors.index.json",
            ],
        ),
        (
            "fp16",
            [
                "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
                "unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
                "unet/diffusion_pytorch_model.safetensors.index.fp16.json",
            ],
        ),
        (
            "bf16",
            [
                "unet/diffusion_pytorch_model-00001-of-00001.bf16.safetensors",
                "unet/diffusion_pytorch_model.safetensors.bf16.index.json",
            ],
        ),
    ],
)
def test_weights_in_parts(variant, weights):
    index = {"unet": ["diffusers", "UNet2DConditionModel"]}
    others = ["unet/diffusion_pytorch_model.safetensors"] if variant else []
    others += ["unet/diffusion_pytorch_model.other.safetensors", "unet/diffusion_pytorch_model.bin.index.json"]
    kept = ["model_index.json", *weights, *([others[-1]] if others else [])]
    assert choose_files([*weights, *others, "model_index.json"], index, variant) == sorted(kept)


@pytest.mark.parametrize(
    ("there", "variant", "said"),
    [
        (HALF, None, "text_encoder has safetensors only as the variant fp16: name `variant`"),
        (PLAIN, "fp16", "no safetensors of the variant fp16: leave `variant` out"),
        ([PLAIN[0], "unet/diffusion_pytorch_model.bin"], None, "its unet has no safetensors, only pickles"),
    ],
)
def test_what_has_no_safetensors_is_refused(there, variant, said):
    with pytest.raises(ValueError, match=said):
        choose_files(SMALL + there, INDEX, variant)


NETWORK = [
    "config.json",
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "a/model.bin",
]


@pytest.mark.parametrize(
    ("variant", "weights"),
    [(None, "diffusion_pytorch_model.safetensors"), ("fp16", "diffusion_pytorch_model.fp16.safetensors")],
)
def test_a_network_on_its_own_is_its_config_and_its_weights(variant, weights):
    assert choose_files([*NETWORK, "README.md"], None, variant) == ["config.json", weights]


@pytest.mark.parametrize(
    ("there", "variant", "said"),
    [
        (["config.json"], None, "it has no safetensors beside its config"),
        (["config.json", "diffusion_pytorch_model.bin"], None, "it has no safetensors, only pickles"),
        (["config.json", "diffusion_pytorch_model.fp16.safetensors"], None, "only as the variant fp16"),
        (NETWORK, "bf16", "no safetensors of the variant bf16"),
    ],
)
def test_a_network_without_safetensors_is_refused(there, variant, said):
    with pytest.raises(ValueError, match=said):
        choose_files(there, None, variant)


def test_the_digest_is_that_of_git(tmp_path):
    path = tmp_path / "config.json"
    path.write_text("{}")
    assert digest_as_git(path) == hashlib.sha1(b"blob 2\0{}").hexdigest()
    told = subprocess.run(["git", "hash-object", str(path)], capture_output=True, text=True)
    assert told.returncode != 0 or told.stdout.strip() == digest_as_git(path)


def test_the_precision_is_that_of_most_bytes(tmp_path):
    half, ids = tmp_path / "half.safetensors", tmp_path / "ids.safetensors"
    save_file({"weight": torch.zeros(64, 8, dtype=torch.float16)}, half, metadata={"format": "pt"})
    save_file({"ids": torch.zeros(77, dtype=torch.int64), "scale": torch.ones(2)}, ids)
    assert find_precision([half, ids]) == "float16"
    assert find_precision([ids]) == "I64"
    assert find_precision([]) is None
