"""Models that look, of the real architectures with random weights, so small that a look takes a moment. For tests alone."""

import json
from pathlib import Path

import torch
from transformers import (
    BertTokenizer,
    CLIPSegConfig,
    CLIPSegForImageSegmentation,
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Sam2Config,
    Sam2Model,
)

from helpers.tiny_models import SEED, tokenizer

LONGEST = 32  # tokens of a text: letters

MODELS = ("clipseg", "owlv2", "grounding_dino", "sam2", "depth_anything")

TEXT = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION = TEXT | {"image_size": 32, "patch_size": 8}


def clipseg(folder: Path) -> Path:
    """A segmenter that sees 32 x 32 pixels in cells of 8."""
    words = tokenizer(LONGEST)
    torch.manual_seed(SEED)
    network = CLIPSegForImageSegmentation(
        CLIPSegConfig(
            text_config=TEXT | _ends(words),
            vision_config=VISION | {"num_hidden_layers": 2},
            projection_dim=16,
            reduce_dim=8,
            extract_layers=[0, 1],
            decoder_num_attention_heads=2,
            decoder_intermediate_size=16,
        )
    )
    _spread(network)
    return save(network, folder, words, {"size": 32, "resample": 2})


def owlv2(folder: Path) -> Path:
    """A detector of one box for each of 16 cells."""
    words = tokenizer(LONGEST)
    torch.manual_seed(SEED)
    network = Owlv2ForObjectDetection(
        Owlv2Config(text_config=TEXT | _ends(words), vision_config=VISION, projection_dim=16)
    )
    _spread(network)
    return save(network, folder, words, {"size": {"height": 32, "width": 32}, "resample": 2})


def grounding_dino(folder: Path) -> Path:
    """A detector of 8 boxes."""
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    folder.mkdir(parents=True, exist_ok=True)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(tokens))
    words = BertTokenizer(vocab={token: place for place, token in enumerate(tokens)})
    torch.manual_seed(SEED)
    network = GroundingDinoForObjectDetection(
        GroundingDinoConfig(
            backbone_config={
                "model_type": "swin",
                "image_size": 32,
                "embed_dim": 8,
                "depths": [1, 1, 1, 1],
                "num_heads": [1, 2, 2, 2],
                "window_size": 4,
                "out_indices": [2, 3, 4],
            },
            text_config={"model_type": "bert", "vocab_size": len(tokens)} | TEXT,
            num_queries=8,
            encoder_layers=1,
            encoder_ffn_dim=16,
            encoder_attention_heads=2,
            decoder_layers=2,
            decoder_ffn_dim=16,
            decoder_attention_heads=2,
            d_model=32,
            max_text_len=64,
        )
    )
    _spread(network)
    with torch.no_grad():
        network.model.decoder.layer_norm.weight.mul_(0.2)  # else it is sure of all that it sees
    return save(network, folder, words, {"size": {"shortest_edge": 128, "longest_edge": 256}})


def sam2(folder: Path) -> Path:
    """One that cuts out what lies in a box, and sees 64 x 64 pixels."""
    torch.manual_seed(SEED)
    network = Sam2Model(
        Sam2Config(
            vision_config={
                "backbone_config": {
                    "model_type": "sam2_hiera_det_model",
                    "image_size": [64, 64],
                    "hidden_size": 8,
                    "num_attention_heads": 1,
                    "blocks_per_stage": [1, 1, 2, 1],
                    "embed_dim_per_stage": [8, 16, 32, 64],
                    "num_attention_heads_per_stage": [1, 1, 2, 2],
                    "window_size_per_stage": [4, 4, 4, 4],
                    "window_positional_embedding_background_size": [4, 4],
                    "global_attention_blocks": [3],
                },
                "backbone_channel_list": [64, 32, 16, 8],
                "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
                "fpn_hidden_size": 32,
            },
            prompt_encoder_config={"hidden_size": 32, "image_size": 64, "patch_size": 16},
            mask_decoder_config={"hidden_size": 32, "mlp_dim": 32, "iou_head_hidden_dim": 16, "num_attention_heads": 2},
        )
    )
    _spread(network)
    return save(network, folder, None, {"size": {"height": 64, "width": 64}})


def depth_anything(folder: Path, kind: str = "relative") -> Path:
    """One that sees about 56 x 56 pixels in cells of 14."""
    torch.manual_seed(SEED)
    network = DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            backbone_config={
                "model_type": "dinov2",
                "image_size": 56,
                "patch_size": 14,
                "hidden_size": 16,
                "num_hidden_layers": 4,
                "num_attention_heads": 2,
                "out_indices": [1, 2, 3, 4],
                "reshape_hidden_states": False,
            },
            reassemble_hidden_size=16,
            neck_hidden_sizes=[8, 8, 16, 16],
            fusion_hidden_size=8,
            head_hidden_size=8,
            depth_estimation_type=kind,
        )
    )
    _spread(network)
    settings = {"size": {"height": 56, "width": 56}, "keep_aspect_ratio": True, "ensure_multiple_of": 14, "resample": 3}
    return save(network, folder, None, settings)


def _ends(words) -> dict:
    return {
        "vocab_size": len(words),
        "max_position_embeddings": LONGEST,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.pad_token_id,
    }


def _spread(network: torch.nn.Module) -> None:
    """Makes random weights say different things of different pixels: as they are initialised, all are about 0."""
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for weights in network.parameters():
            if weights.ndim > 1:
                weights.copy_(torch.randn(weights.shape, generator=generator) / weights[0].numel() ** 0.5)


def save(network, folder: Path, words, settings: dict) -> Path:
    network.save_pretrained(folder)
    if words is not None:
        words.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
