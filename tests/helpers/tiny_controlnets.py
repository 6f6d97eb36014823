"""ControlNets of diffusers' own classes with random weights, for the tiny families. For tests alone."""

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import (
    ControlNetModel,
    ControlNetUnionModel,
    FluxControlNetModel,
    QwenImageControlNetModel,
    SD3ControlNetModel,
    ZImageControlNetModel,
)

SEED = 11


def save(kind: str, folder: Path) -> Path:
    """Writes a ControlNet, a key of CONTROLNETS, and returns its folder."""
    if not folder.exists():
        torch.manual_seed(SEED)
        controlnet = CONTROLNETS[kind]()
        with torch.no_grad():  # they begin as zeros, so that an untrained one does nothing
            for parameter in controlnet.parameters():
                parameter.normal_(std=0.3)
        controlnet.save_pretrained(folder)
    return folder


def _of_unet(kind, **more):
    return kind(
        in_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        attention_head_dim=2,
        norm_num_groups=4,
        conditioning_embedding_out_channels=(4, 8, 8, 8),
        **more,
    )


def _of_xl(kind, **more):
    return _of_unet(
        kind,
        cross_attention_dim=32,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=6 * 8 + 16,
        use_linear_projection=True,
        **more,
    )


def _flux(**more) -> FluxControlNetModel:
    return FluxControlNetModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=32,
        pooled_projection_dim=16,
        guidance_embeds=True,
        axes_dims_rope=[4, 4, 8],
        **more,
    )


def _sd3(**more) -> SD3ControlNetModel:
    return SD3ControlNetModel(
        sample_size=16,
        pos_embed_max_size=24,
        in_channels=16,
        out_channels=16,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pooled_projection_dim=32,
        **more,
    )


def _qwen(**more) -> QwenImageControlNetModel:
    return QwenImageControlNetModel(
        patch_size=2,
        in_channels=16,
        out_channels=4,
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=16,
        axes_dims_rope=(8, 4, 4),
        **more,
    )


CONTROLNETS: dict[str, Callable] = {
    "sd15": lambda: _of_unet(ControlNetModel, cross_attention_dim=16),
    "sdxl": lambda: _of_xl(ControlNetModel),
    "sdxl-union": lambda: _of_xl(
        ControlNetUnionModel, num_trans_channel=8, num_trans_head=2, num_proj_channel=8, num_control_type=6
    ),
    "sd35": _sd3,
    "sd35-inpaint": lambda: _sd3(extra_conditioning_channels=1),
    "flux": _flux,
    "flux-union": lambda: _flux(num_mode=5),
    "qwen-image": _qwen,
    "qwen-image-inpaint": lambda: _qwen(extra_condition_channels=4),
    "z-image": lambda: ZImageControlNetModel(
        control_layers_places=[0, 1],
        control_refiner_layers_places=[0],
        control_in_dim=4,
        add_control_noise_refiner="control_layers",
        dim=32,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
    ),
    "z-image-inpaint": lambda: ZImageControlNetModel(
        control_layers_places=[0, 1],
        control_refiner_layers_places=[0],
        control_in_dim=4 + 1 + 4,
        add_control_noise_refiner="control_noise_refiner",
        dim=32,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
    ),
}
"""By the family that they are for."""
