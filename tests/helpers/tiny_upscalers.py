"""Upscalers of the real architectures with random weights, so small that a tile takes a moment. For tests alone."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionLatentUpscalePipeline,
    StableDiffusionUpscalePipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel

from helpers.tiny_models import SEED, tokenizer


def diffusion(folder: Path) -> Path:
    """One that paints 4 times as wide and as high, on latents as wide and as high as the picture."""
    torch.manual_seed(SEED)
    StableDiffusionUpscalePipeline(
        vae=_autoencoder(3, scaling_factor=0.08333),
        text_encoder=_text_encoder(),
        tokenizer=tokenizer(),
        unet=UNet2DConditionModel(
            sample_size=8,
            in_channels=7,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=32,
            attention_head_dim=2,
            norm_num_groups=4,
            num_class_embeds=1000,
        ),
        low_res_scheduler=DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        scheduler=DDIMScheduler(prediction_type="v_prediction", clip_sample=False, steps_offset=1),
        max_noise_level=350,
    ).save_pretrained(folder)
    return folder


def latent(folder: Path) -> Path:
    """One that doubles the latents of a picture."""
    torch.manual_seed(SEED)
    StableDiffusionLatentUpscalePipeline(
        vae=_autoencoder(4),
        text_encoder=_text_encoder(),
        tokenizer=tokenizer(),
        unet=UNet2DConditionModel(
            act_fn="gelu",
            attention_head_dim=8,
            norm_num_groups=None,
            block_out_channels=(32, 32, 64, 64),
            time_cond_proj_dim=160,
            conv_in_kernel=1,
            conv_out_kernel=1,
            cross_attention_dim=32,
            down_block_types=("KDownBlock2D",) + ("KCrossAttnDownBlock2D",) * 3,
            up_block_types=("KCrossAttnUpBlock2D",) * 3 + ("KUpBlock2D",),
            mid_block_type=None,
            in_channels=8,
            out_channels=5,
            resnet_time_scale_shift="scale_shift",
            time_embedding_type="fourier",
            timestep_post_act="gelu",
            only_cross_attention=False,
        ),
        scheduler=EulerDiscreteScheduler(prediction_type="sample"),
    ).save_pretrained(folder)
    return folder


def network(path: Path, scale: int = 4) -> Path:
    """An ESRGAN of one block, which sees about 20 pixels to each side."""
    from safetensors.torch import save_file

    from strata.diffusion import patches

    patches.import_spandrel()
    from spandrel.architectures.ESRGAN import ESRGAN

    torch.manual_seed(SEED)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(ESRGAN(num_filters=8, num_blocks=1, scale=scale).state_dict(), path)
    return path


def _autoencoder(blocks: int, scaling_factor: float = 0.18215) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(4,) * (blocks - 1) + (8,),
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=64,
        scaling_factor=scaling_factor,
    )


def _text_encoder() -> CLIPTextModel:
    words = tokenizer()
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=16,
            bos_token_id=words.bos_token_id,
            eos_token_id=words.eos_token_id,
            pad_token_id=words.pad_token_id,
        )
    )
