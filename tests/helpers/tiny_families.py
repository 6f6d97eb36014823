"""The families of the presets in models/, from diffusers' own classes with random weights, in shapes that take a moment.

Each has the two pipelines that its preset names, as folders: a text-to-image model and one for inpainting, or one for both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLFlux2,
    DDIMScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    FluxFillPipeline,
    FluxKontextPipeline,
    FluxPipeline,
    FluxTransformer2DModel,
    QwenImageEditInpaintPipeline,
    QwenImagePipeline,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLInpaintPipeline,
    StableDiffusionXLPipeline,
    ZImagePipeline,
    ZImageTransformer2DModel,
)
from diffusers.pipelines.qwenimage import pipeline_qwenimage_edit, pipeline_qwenimage_edit_inpaint
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    Qwen2VLImageProcessorPil,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3Model,
)

from helpers.tiny_parts import (
    NOISE,
    autoencoder,
    clip,
    clip_tokenizer,
    language,
    qwen_autoencoder,
    qwen_tokenizer,
    qwen_transformer,
    qwen_vision_language,
    qwen_vision_tokenizer,
    t5,
    t5_tokenizer,
    unet,
)
from strata.diffusion.vision_processors import PictureProcessor

SEED = 7


@dataclass(frozen=True)
class Family:
    """What a preset's models are, and what tests expect of them.

    Attributes:
        text_to_image, inpainting: make the pipelines; None for inpainting with the same weights.
        rounds_up: whether it runs ceil(steps * strength) steps, or else int(steps * strength).
        multiple: what the sizes that its pipelines take must be multiples of, in pixels.
        meaningless: the keys of a pass that have no meaning for its text-to-image model, with guidance on.
        resamples: whether it paints subjects with a number of pixels of its own.
    """

    text_to_image: Callable
    inpainting: Callable | None
    rounds_up: bool
    multiple: int
    meaningless: tuple[str, ...] = ()
    resamples: bool = False

    def save(self, folder: Path) -> dict[str, Path]:
        """Writes the models, and returns their folders by the keys of the scene's `models`."""
        folders = {"text_to_image": folder / "text-to-image", "inpainting": folder / "text-to-image"}
        if self.inpainting:
            folders["inpainting"] = folder / "inpainting"
        for key, path in folders.items():
            if not path.exists():
                torch.manual_seed(SEED)
                getattr(self, key)().save_pretrained(path)
                name_as_on_the_hub(path / "model_index.json")
        return folders


def name_as_on_the_hub(index: Path) -> None:
    """Names the class of transformers for which Strata has one of its own."""
    own = f'"{PictureProcessor.__module__}",\n    "{PictureProcessor.__name__}"'
    index.write_text(index.read_text().replace(own, '"transformers",\n    "Qwen2VLProcessor"'))


def _stable_diffusion(kind, channels: int, scheduler) -> object:
    encoder = clip(CLIPTextModel)
    return kind(
        vae=autoencoder(latent_channels=4),
        text_encoder=encoder,
        tokenizer=clip_tokenizer(),
        unet=unet(channels, cross_attention_dim=16),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(kind, channels: int) -> object:
    return kind(
        vae=autoencoder(latent_channels=4),
        text_encoder=clip(CLIPTextModel),
        text_encoder_2=clip(CLIPTextModelWithProjection),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet(
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
        vae=autoencoder(latent_channels=16, shift_factor=0.06, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip(CLIPTextModelWithProjection),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip(CLIPTextModelWithProjection),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5(),
        tokenizer_3=t5_tokenizer(),
    )


def _flux(kind, channels: int) -> object:
    return kind(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=autoencoder(latent_channels=4, shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=clip(CLIPTextModel),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5(),
        tokenizer_2=t5_tokenizer(),
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
        vae=qwen_autoencoder(),
        text_encoder=qwen_vision_language(),
        tokenizer=qwen_tokenizer(),
        transformer=qwen_transformer(),
    )


def _qwen_edit() -> object:
    tokenizer = qwen_vision_tokenizer()
    return QwenImageEditInpaintPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=qwen_autoencoder(),
        text_encoder=qwen_vision_language(),
        tokenizer=tokenizer,
        processor=PictureProcessor(Qwen2VLImageProcessorPil(max_pixels=56 * 56, min_pixels=56 * 56), tokenizer),
        transformer=qwen_transformer(),
    )


def _flux2_klein() -> object:
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True),
        vae=AutoencoderKLFlux2(
            block_out_channels=(4, 4, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            norm_num_groups=4,
            latent_channels=4,
            sample_size=64,
        ),
        # Its prompts are the states of three layers, the last of which is the 27th.
        text_encoder=Qwen3ForCausalLM(Qwen3Config(**language() | {"num_hidden_layers": 28}, head_dim=8)),
        tokenizer=qwen_tokenizer(),
        transformer=Flux2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=48,
            timestep_guidance_channels=16,
            axes_dims_rope=(4, 4, 4, 4),
            guidance_embeds=False,
        ),
        is_distilled=True,
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
        vae=autoencoder(latent_channels=4, shift_factor=0.1),
        text_encoder=Qwen3Model(Qwen3Config(**language(), head_dim=8)),
        tokenizer=qwen_tokenizer(),
        transformer=transformer,
    )


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
    "flux2-klein": Family(
        _flux2_klein, None, rounds_up=True, multiple=16, meaningless=("negative_prompt", "prompt_2", "clip_skip")
    ),
    "kontext": Family(
        lambda: _flux(FluxKontextPipeline, 16),
        None,
        rounds_up=True,
        multiple=16,
        meaningless=("negative_prompt", "clip_skip"),
    ),
    "qwen-edit": Family(
        _qwen_image, _qwen_edit, rounds_up=True, multiple=16, meaningless=("prompt_2", "clip_skip"), resamples=True
    ),
}


def shrink_canvases(monkeypatch) -> None:
    """Has pipelines that paint a million pixels, whatever they are given, paint a few thousand: a moment instead of a minute."""
    for module in (pipeline_qwenimage_edit, pipeline_qwenimage_edit_inpaint):
        calculate = module.calculate_dimensions
        monkeypatch.setattr(module, "calculate_dimensions", lambda area, ratio, its=calculate: its(area // 80, ratio))
