"""LoRA adapters with random weights, for the tiny models. For tests alone."""

from pathlib import Path

import torch
from diffusers import DiffusionPipeline
from safetensors.torch import save_file

RANK = 2
TEXT = (".q_proj", ".k_proj", ".v_proj", ".out_proj", ".fc1", ".fc2")
KOHYA = {"unet": "lora_unet_", "text_encoder": "lora_te_text_model_"}


def lora(model: Path, file: Path, seed: int = 0, parts: tuple[str, ...] = (), form: str = "diffusers") -> Path:
    """Writes an adapter of parts of the pipeline in a folder: by default of what denoises, its queries and keys.

    Args:
        form: diffusers, older (with the module that text encoders had before transformers 5.6), or kohya.
    """
    pipeline = DiffusionPipeline.from_pretrained(model)
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
