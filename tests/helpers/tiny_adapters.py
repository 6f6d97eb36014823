"""LoRA and IP-Adapters with random weights, for the tiny models. For tests alone."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

RANK = 2
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
    unet = DiffusionPipeline.from_pretrained(model).unet
    torch.manual_seed(0)
    encoder = CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=16,
            projection_dim=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
        )
    )
    encoder.save_pretrained(folder / "image_encoder")
    width = unet.config.cross_attention_dim
    weights = {
        "image_proj.proj.weight": torch.randn(4 * width, 8),
        "image_proj.proj.bias": torch.randn(4 * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    modules = dict(unet.named_modules())
    for place, name in enumerate(unet.attn_processors):
        if "attn2" in name:
            keys = modules[name.removesuffix(".processor")].to_k
            for kind in ("to_k_ip", "to_v_ip"):
                weights[f"ip_adapter.{place}.{kind}.weight"] = torch.randn(keys.out_features, width)
    save_file(weights, folder / "ip-adapter.safetensors")
    return {"file": str(folder / "ip-adapter.safetensors"), "image_encoder": str(folder / "image_encoder")}


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
