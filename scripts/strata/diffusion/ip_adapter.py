"""A picture as a reference for style, by an IP-Adapter that is lent to a pipeline for one pass."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffusers.loaders import FluxIPAdapterMixin, IPAdapterMixin, SD3IPAdapterMixin
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionModelWithProjection,
    SiglipImageProcessorPil,
    SiglipVisionModel,
)

from strata.diffusion import devices
from strata.diffusion.speed import find_denoiser
from strata.errors import StrataError
from strata.models import families
from strata.passes import PassStyle

# What diffusers and transformers raise for weights that are not made for each other.
UNFIT = (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError, SafetensorError)

PARTS = {"image_proj": ("image_proj", "ip_adapter_proj_model"), "ip_adapter": ("ip_adapter", "double_blocks")}
"""The two parts of an IP-Adapter, what projects the image and what attends to it, and how their weights' names begin.

The second names are those of XLabs, who trained the first ones for FLUX.
"""

XLABS = {
    "ip_adapter_double_stream_k_proj": "to_k_ip",
    "ip_adapter_double_stream_v_proj": "to_v_ip",
    "processor.": "",
}
"""What is named otherwise in theirs."""


@contextmanager
def with_style(
    pipeline: Any, model: str, style: PassStyle, picture: Image.Image, files: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Lends a pipeline an IP-Adapter and the reference.

    Args:
        model: the model's id, for sentences.
        picture: the reference, "RGB", a square.
        files: the absolute paths of the adapter and the image encoder, by their names in the pass.

    Yields:
        the arguments with which the pipeline is to be called beside those of the pass.

    Raises:
        StrataError: the pipeline takes no such reference, or a file does not fit the model.
    """
    if not isinstance(pipeline, IPAdapterMixin | FluxIPAdapterMixin | SD3IPAdapterMixin):
        raise StrataError(
            f"The model {model} is a {type(pipeline).__name__}, which takes no picture for its `style`: {', '.join(families.STYLED)} "
            "do. Take `style` out, or name another model."
        )
    denoiser = find_denoiser(pipeline)
    processors, extractor = dict(denoiser.attn_processors), pipeline.feature_extractor
    try:
        _load(pipeline, denoiser, Path(files[style["file"]]), Path(files[style["image_encoder"]]))
        pipeline.set_ip_adapter_scale(style["weight"])
        yield {"ip_adapter_image": picture}
    finally:
        pipeline.unload_ip_adapter()
        denoiser.set_attn_processor(processors)
        pipeline.register_modules(image_encoder=None, feature_extractor=extractor)


def _load(pipeline: Any, denoiser: Any, file: Path, image_encoder: Path) -> None:
    try:
        encoder = _load_encoder(pipeline, image_encoder, denoiser)
        pipeline.register_modules(image_encoder=encoder, feature_extractor=_make_extractor(encoder))
        _attach(pipeline, _weights(file))
    except UNFIT as error:
        if devices.ran_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:300]
        raise StrataError(
            f"The style adapter {file} with the image encoder {image_encoder} does not fit the model, a "
            f"{type(pipeline).__name__}: {reason}. All three must be made for each other, and be safetensors."
        ) from None


def _load_encoder(pipeline: Any, folder: Path, denoiser: Any) -> Any:
    kind = SiglipVisionModel if isinstance(pipeline, SD3IPAdapterMixin) else CLIPVisionModelWithProjection
    encoder: Any = kind.from_pretrained(folder, dtype=denoiser.dtype, use_safetensors=True, local_files_only=True)
    return encoder.to(denoiser.device)


def _make_extractor(encoder: Any) -> Any:
    """What brings a picture to the form that an image encoder takes."""
    side = encoder.config.image_size
    if isinstance(encoder, SiglipVisionModel):
        return SiglipImageProcessorPil(size={"height": side, "width": side})
    return CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})


def _attach(pipeline: Any, weights: dict[str, dict[str, Any]]) -> None:
    """Puts an adapter's weights into what denoises. The image encoder is there already, so that none is looked for."""
    if isinstance(pipeline, FluxIPAdapterMixin):
        pipeline.load_ip_adapter(weights, weight_name="", image_encoder_pretrained_model_name_or_path=None)
    elif isinstance(pipeline, SD3IPAdapterMixin):
        pipeline.load_ip_adapter(weights, image_encoder_folder=None)
    else:
        pipeline.load_ip_adapter(weights, subfolder="", weight_name="", image_encoder_folder=None)


def _weights(file: Path) -> dict[str, dict[str, Any]]:
    """The weights by the two parts of an IP-Adapter, as diffusers names them."""
    weights = load_file(file)
    parts = {part: _select(weights, prefixes) for part, prefixes in PARTS.items()}
    if not all(parts.values()):
        raise ValueError("its weights must be named image_proj.… and ip_adapter.…")
    return parts


def _select(weights: Mapping[str, Any], prefixes: tuple[str, ...]) -> dict[str, Any]:
    """The weights whose names begin so, by the rest of their names."""
    found = {}
    for name, value in weights.items():
        prefix, _, rest = name.partition(".")
        if prefix in prefixes:
            for theirs, ours in XLABS.items():
                rest = rest.replace(theirs, ours)
            found[rest] = value
    return found
