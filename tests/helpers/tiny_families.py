"""The families of the presets in models/, from diffusers' own classes with random weights, in shapes that take a moment.

Each has the two pipelines that its preset names, as folders: a text-to-image model and one for inpainting, or one for both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLQwenImage,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxFillPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImagePipeline,
    QwenImageTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3Model,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

SEED = 7
NOISE = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
CHAT = "{% for message in messages %}<|im_start|>{{ message.content }}<|im_end|>{% endfor %}"


@dataclass(frozen=True)
class Family:
    """What a preset's models are, and what tests expect of them.

    Attributes:
        text_to_image, inpainting: make the pipelines; None for inpainting with the same weights.
        rounds_up: whether it runs ceil(steps * strength) steps, or else int(steps * strength).
        multiple: what the sizes that its pipelines take must be multiples of, in pixels.
        meaningless: the keys of a pass that have no meaning for its text-to-image model, with guidance on.
    """

    text_to_image: Callable
    inpainting: Callable | None
    rounds_up: bool
    multiple: int
    meaningless: tuple[str, ...] = ()

    def save(self, folder: Path) -> dict[str, Path]:
        """Writes the models, and returns their folders by the keys of the scene's `models`."""
        folders = {"text_to_image": folder / "text-to-image", "inpainting": folder / "text-to-image"}
        if self.inpainting:
            folders["inpainting"] = folder / "inpainting"
        for key, path in folders.items():
            if not path.exists():
                torch.manual_seed(SEED)
                getattr(self, key)().save_pretrained(path)
        return folders


def _stable_diffusion(kind, channels: int, scheduler) -> object:
    clip = _clip(CLIPTextModel)
    return kind(
        vae=_autoencoder(latent_channels=4),
        text_encoder=clip,
        tokenizer=_clip_tokenizer(),
        unet=_unet(channels, cross_attention_dim=16),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(kind, channels: int) -> object:
    return kind(
        vae=_autoencoder(latent_channels=4),
        text_encoder=_clip(CLIPTextModel),
        text_encoder_2=_clip(CLIPTextModelWithProjection),
        tokenizer=_clip_tokenizer(),
        tokenizer_2=_clip_tokenizer(),
        unet=_unet(
            channels,
            cross_attention_dim=32,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 16,
            use_linear_projection=True,
        ),
        scheduler=EulerDiscreteScheduler(**NOISE),
    )


def _sd35() -> object:
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=16,
            pos_embed_max_size=24,
            in_channels=16,
            out_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pooled_projection_dim=32,
            qk_norm="rms_norm",
            dual_attention_layers=(0,),
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_autoencoder(latent_channels=16, shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip(CLIPTextModelWithProjection),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=_clip(CLIPTextModelWithProjection),
        tokenizer_2=_clip_tokenizer(),
        text_encoder_3=_t5(),
        tokenizer_3=_t5_tokenizer(),
    )


def _flux(kind, channels: int) -> object:
    return kind(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=_autoencoder(latent_channels=4, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=_clip(CLIPTextModel),
        tokenizer=_clip_tokenizer(),
        text_encoder_2=_t5(),
        tokenizer_2=_t5_tokenizer(),
        transformer=FluxTransformer2DModel(
            in_channels=channels,
            out_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=16,
            guidance_embeds=True,
            axes_dims_rope=(4, 4, 8),
        ),
    )


def _qwen_image() -> object:
    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=AutoencoderKLQwenImage(
            base_dim=4, z_dim=4, dim_mult=[1, 2, 2, 2], num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4
        ),
        text_encoder=Qwen2_5_VLForConditionalGeneration(
            Qwen2_5_VLConfig(
                text_config={
                    **_language(),
                    "rope_parameters": {"type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
                },
                vision_config={
                    "depth": 1,
                    "hidden_size": 16,
                    "intermediate_size": 16,
                    "num_heads": 2,
                    "out_hidden_size": 16,
                },
                image_token_id=1,
                video_token_id=1,
                vision_start_token_id=1,
                vision_end_token_id=1,
            )
        ),
        tokenizer=_qwen_tokenizer(),
        transformer=QwenImageTransformer2DModel(
            patch_size=2,
            in_channels=16,
            out_channels=4,
            num_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(8, 4, 4),
        ),
    )


def _z_image() -> object:
    transformer = ZImageTransformer2DModel(
        in_channels=4,
        dim=32,
        n_layers=2,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=16,
        axes_dims=[8, 4, 4],
        axes_lens=[256, 32, 32],
    )
    with torch.no_grad():  # diffusers leaves these to the checkpoint
        for padding in (transformer.x_pad_token, transformer.cap_pad_token):
            padding.normal_()
    return ZImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_autoencoder(latent_channels=4, shift_factor=0.1),
        text_encoder=Qwen3Model(Qwen3Config(**_language(), head_dim=8)),
        tokenizer=_qwen_tokenizer(),
        transformer=transformer,
    )


def _unet(channels: int, **more) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=2,
        norm_num_groups=4,
        **more,
    )


def _autoencoder(**more) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(4, 4, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
        **more,
    )


def _clip(kind):
    tokenizer = _clip_tokenizer()
    return kind(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            projection_dim=16,
            intermediate_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            max_position_embeddings=16,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _clip_tokenizer() -> CLIPTokenizer:
    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: place for place, token in enumerate(tokens)}, merges=[], model_max_length=16)


def _t5() -> T5EncoderModel:
    return T5EncoderModel(
        T5Config(
            vocab_size=len(_t5_tokenizer()),
            d_model=32,
            d_kv=8,
            d_ff=16,
            num_layers=1,
            num_heads=2,
            feed_forward_proj="gated-gelu",
            is_encoder_decoder=False,
            use_cache=False,
        )
    )


def _t5_tokenizer() -> T5Tokenizer:
    letters = [(chr(code), -3.0) for code in range(33, 127)]
    return T5Tokenizer(
        vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *letters], extra_ids=0, model_max_length=32
    )


def _language() -> dict:
    """The shape of a language model that reads prompts."""
    return {
        "vocab_size": len(_qwen_tokenizer()),
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
    }


def _qwen_tokenizer() -> Qwen2Tokenizer:
    letters = sorted(ByteLevel.alphabet())
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters]
    tokenizer = Qwen2Tokenizer(vocab={token: place for place, token in enumerate(tokens)}, merges=[])
    tokenizer.chat_template = CHAT
    return tokenizer


FAMILIES = {
    "sd15": Family(
        lambda: _stable_diffusion(
            StableDiffusionPipeline, 4, DDIMScheduler(clip_sample=False, steps_offset=1, **NOISE)
        ),
        lambda: _stable_diffusion(
            StableDiffusionInpaintPipeline, 9, DDIMScheduler(clip_sample=False, steps_offset=1, **NOISE)
        ),
        rounds_up=False,
        multiple=8,
        meaningless=("prompt_2",),
    ),
    "sd21": Family(
        lambda: _stable_diffusion(
            StableDiffusionPipeline,
            4,
            DDIMScheduler(prediction_type="v_prediction", clip_sample=False, steps_offset=1, **NOISE),
        ),
        lambda: _stable_diffusion(
            StableDiffusionInpaintPipeline, 9, DDIMScheduler(clip_sample=False, steps_offset=1, **NOISE)
        ),
        rounds_up=False,
        multiple=8,
        meaningless=("prompt_2",),
    ),
    "sdxl": Family(
        lambda: _sdxl(StableDiffusionXLPipeline, 4),
        lambda: _sdxl(StableDiffusionXLInpaintPipeline, 9),
        rounds_up=False,
        multiple=8,
    ),
    "sdxl-single": Family(lambda: _sdxl(StableDiffusionXLPipeline, 4), None, rounds_up=False, multiple=8),
    "sd35": Family(_sd35, None, rounds_up=True, multiple=16),
    "z-image": Family(_z_image, None, rounds_up=True, multiple=16, meaningless=("prompt_2", "clip_skip")),
    "qwen-image": Family(_qwen_image, None, rounds_up=True, multiple=16, meaningless=("prompt_2", "clip_skip")),
    "flux-fill": Family(
        lambda: _flux(FluxPipeline, 16),
        lambda: _flux(FluxFillPipeline, 16 + 16 + 4 * 64),
        rounds_up=True,
        multiple=16,
        meaningless=("negative_prompt", "clip_skip"),
    ),
}
