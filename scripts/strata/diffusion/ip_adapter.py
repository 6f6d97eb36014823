"""A picture as a reference for style, by an IP-Adapter that is lent to a pipeline for one pass."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffusers.loaders import IPAdapterMixin
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from strata.diffusion import devices
from strata.errors import StrataError
from strata.imaging import pictures
from strata.passes import PassStyle

# What diffusers and transformers raise for weights that are not made for each other.
UNFIT = (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError, SafetensorError)


@contextmanager
def with_style(pipeline: Any, model: str, style: PassStyle, files: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Lends a pipeline an IP-Adapter and the reference.

    Args:
        model: the model's id, for sentences.
        files: the absolute paths of the picture, the adapter and the image encoder, by their names in the pass.

    Yields:
        the arguments with which the pipeline is to be called beside those of the pass.

    Raises:
        StrataError: the pipeline takes no such reference, or a file does not fit the model.
    """
    if not isinstance(pipeline, IPAdapterMixin):
        raise StrataError(
            f"The model {model} is a {type(pipeline).__name__}, which takes no style reference of this kind: Stable Diffusion 1 "
            "and 2 and XL do. Take the key `style` out."
        )
    picture = pictures.read(files[style["image"]], "The style's image", "take the key `style` out").convert("RGB")
    processors, extractor = dict(pipeline.unet.attn_processors), pipeline.feature_extractor
    try:
        _load(pipeline, Path(files[style["file"]]), Path(files[style["image_encoder"]]))
        pipeline.set_ip_adapter_scale(style["weight"])
        yield {"ip_adapter_image": picture}
    finally:
        pipeline.unload_ip_adapter()
        pipeline.unet.set_attn_processor(processors)
        pipeline.register_modules(image_encoder=None, feature_extractor=extractor)


def _load(pipeline: Any, file: Path, image_encoder: Path) -> None:
    device = pipeline.unet.device
    try:
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            image_encoder, dtype=pipeline.unet.dtype, use_safetensors=True, local_files_only=True
        ).to(device)
        side = encoder.config.image_size
        extractor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        pipeline.register_modules(image_encoder=encoder, feature_extractor=extractor)
        pipeline.load_ip_adapter(_weights(file), subfolder="", weight_name="", image_encoder_folder=None)
    except UNFIT as error:
        if devices.ran_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:300]
        raise StrataError(
            f"The style adapter {file} with the image encoder {image_encoder} does not fit the model, a "
            f"{type(pipeline).__name__}: {reason}. All three must be made for each other, and be safetensors."
        ) from None


def _weights(file: Path) -> dict[str, dict[str, Any]]:
    """The weights by the two parts of an IP-Adapter: what projects the image, and what attends to it."""
    weights = load_file(file)
    parts = {
        part: {key.removeprefix(f"{part}."): value for key, value in weights.items() if key.startswith(f"{part}.")}
        for part in ("image_proj", "ip_adapter")
    }
    if not all(parts.values()):
        raise ValueError("its weights must be named image_proj.… and ip_adapter.…")
    return parts
