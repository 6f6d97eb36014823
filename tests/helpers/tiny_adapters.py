"""LoRA and IP-Adapters with random weights, for the tiny models. For tests alone."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from diffusers.loaders import SD3IPAdapterMixin
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, SiglipVisionConfig, SiglipVisionModel

RANK = 2
WIDTH = 8
EYE = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}
"""The image encoder of a style."""

TEXT = (".q_proj", ".k_proj", ".v_proj", ".out_proj", ".fc1", ".fc2")
KOHYA = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}


def lora(model: Path, file: Path, seed: int = 0, parts: tuple[str, ...] = (), form: str = "diffusers") -> Path:
    """Writes an adapter of parts of the pipeline in a folder: by default of what denoises, its queries and keys.

    Args:
        form: diffusers, older (with the module that text encoders had before transformers 5.6), or kohya.
    """
    # A processor of pictures would need torchvision, and has nothing to adapt.
    pipeline = DiffusionPipeline.from_pretrained(
        model, **{"processor": None} if Path(model, "processor").is_dir() else {}
    )
    random = torch.Generator().manual_seed(seed)
    weights = {}
    for part in parts or ("unet" if hasattr(pipeline, "unet") else "transformer",):
        for name, module in getattr(pipeline, part).named_modules():
            if name.endswith((".to_q", ".to_k", *TEXT)):
                down = torch.randn(RANK, module.in_features, generator=random)
                up = torch.randn(module.out_features, RANK, generator=random)
                weights |= _named(form, part, name, down, up)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, file)
    return file


def style(model: Path, folder: Path) -> dict[str, str]:
    """Writes an IP-Adapter for the pipeline in a folder, and its image encoder; returns the model's `style_adapter`."""
    pipeline = DiffusionPipeline.from_pretrained(model)
    torch.manual_seed(0)
    if hasattr(pipeline, "unet"):
        encoder, weights = _clip_vision(), _of_unet(pipeline.unet)
    elif isinstance(pipeline, SD3IPAdapterMixin):
        encoder, weights = _siglip_vision(), _of_sd3(pipeline.transformer)
    else:
        encoder, weights = _clip_vision(), _of_flux(pipeline.transformer)
    encoder.save_pretrained(folder / "image_encoder")
    save_file(weights, folder / "ip-adapter.safetensors")
    return {"file": str(folder / "ip-adapter.safetensors"), "image_encoder": str(folder / "image_encoder")}


def as_xlabs_names_them(file: Path) -> None:
    """Gives the weights of FLUX's adapter in a file the names that those have who trained the first ones."""
    names = {"image_proj.": "ip_adapter_proj_model.", "ip_adapter.": "double_blocks."}
    names |= {f"to_{kind}_ip": f"processor.ip_adapter_double_stream_{kind}_proj" for kind in "kv"}
    renamed = {}
    for name, value in load_file(file).items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        renamed[name] = value
    save_file(renamed, file)


def _clip_vision() -> CLIPVisionModelWithProjection:
    return CLIPVisionModelWithProjection(CLIPVisionConfig(projection_dim=WIDTH, **EYE))


def _siglip_vision() -> SiglipVisionModel:
    return SiglipVisionModel(SiglipVisionConfig(**EYE))


def _projection(width: int) -> dict[str, torch.Tensor]:
    return {
        "image_proj.proj.weight": torch.randn(4 * width, WIDTH),
        "image_proj.proj.bias": torch.randn(4 * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }


def _of_unet(unet) -> dict[str, torch.Tensor]:
    width = unet.config.cross_attention_dim
    weights, modules = _projection(width), dict(unet.named_modules())
    for place, name in enumerate(unet.attn_processors):
        if "attn2" in name:
            keys = modules[name.removesuffix(".processor")].to_k
            for kind in ("to_k_ip", "to_v_ip"):
                weights[f"ip_adapter.{place}.{kind}.weight"] = torch.randn(keys.out_features, width)
    return weights


def _of_flux(transformer) -> dict[str, torch.Tensor]:
    width = transformer.config.joint_attention_dim
    weights = _projection(width)
    for block in range(transformer.config.num_layers):
        for kind in ("to_k_ip", "to_v_ip"):
            weights[f"ip_adapter.{block}.{kind}.weight"] = torch.randn(transformer.inner_dim, width)
            weights[f"ip_adapter.{block}.{kind}.bias"] = torch.randn(transformer.inner_dim)
    return weights


def _of_sd3(transformer) -> dict[str, torch.Tensor]:
    inner = transformer.config.num_attention_heads * transformer.config.attention_head_dim
    projection = IPAdapterTimeImageProjection(
        embed_dim=EYE["hidden_size"], output_dim=inner, hidden_dim=64, heads=1, num_queries=4, timestep_in_dim=16
    )
    weights = {f"image_proj.{name}": value for name, value in projection.state_dict().items()}
    for place in range(len(transformer.attn_processors)):
        attention = SD3IPAdapterJointAttnProcessor2_0(
            hidden_size=inner,
            ip_hidden_states_dim=inner,
            head_dim=transformer.config.attention_head_dim,
            timesteps_emb_dim=64,
        )
        weights |= {f"ip_adapter.{place}.{name}": value for name, value in attention.state_dict().items()}
    return {name: value + 0.3 * torch.randn_like(value) for name, value in weights.items()}


def _named(form: str, part: str, name: str, down: torch.Tensor, up: torch.Tensor) -> dict[str, torch.Tensor]:
    if form == "kohya":
        prefix = KOHYA[part] + name.replace(".", "_")
        return {
            f"{prefix}.lora_down.weight": down,
            f"{prefix}.lora_up.weight": up,
            f"{prefix}.alpha": torch.tensor(RANK),
        }
    older = "text_model." if form == "older" and part == "text_encoder" else ""
    return {f"{part}.{older}{name}.lora_A.weight": down, f"{part}.{older}{name}.lora_B.weight": up}
