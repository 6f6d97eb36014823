"""A picture as a reference for style, by an IP-Adapter: lent to a pipeline for one pass, like all that adapters.py lends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from diffusers.loaders import IPAdapterMixin
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import CLIPImageProcessorPil, CLIPVisionModelWithProjection

from strata import fingerprints, images
from strata.diffusion import hardware
from strata.errors import StrataError

# What diffusers and transformers raise for weights that are not made for each other.
UNFIT = (OSError, ValueError, TypeError, AttributeError, KeyError, IndexError, RuntimeError, SafetensorError)


@contextmanager
def styled(pipeline, spec: Mapping, files: Mapping[str, str], memory: Path | None) -> Iterator[dict]:
    """Gives a pipeline eyes for a reference. Yields what the pipeline is to be called with beside the pass.

    Args:
        spec: the resolved pass; its `style` names the picture, the adapter and the image encoder.
        files: the absolute paths of what it names.
        memory: the file in which digests are remembered, see fingerprints.file().

    Raises:
        StrataError: the pipeline takes no such reference, a file changed since the build began, or does not fit the model.
    """
    style = spec["style"]
    if not isinstance(pipeline, IPAdapterMixin):
        raise StrataError(
            f"The model {spec['model']['id']} is a {type(pipeline).__name__}, which takes no style reference of this kind: "
            "Stable Diffusion 1 and 2 and XL do. Take the key `style` out."
        )
    paths = {name: Path(files[style[name]]) for name in ("image", "file", "image_encoder")}
    _check_unchanged(style, paths, memory)
    picture = images.read(paths["image"], "The style's image", "take the key `style` out").convert("RGB")
    processors, extractor = dict(pipeline.unet.attn_processors), pipeline.feature_extractor
    try:
        _load(pipeline, paths)
        pipeline.set_ip_adapter_scale(style["weight"])
        yield {"ip_adapter_image": picture}
    finally:
        pipeline.unload_ip_adapter()
        pipeline.unet.set_attn_processor(processors)
        pipeline.register_modules(image_encoder=None, feature_extractor=extractor)


def _check_unchanged(style: Mapping, paths: Mapping[str, Path], memory: Path | None) -> None:
    found = [
        fingerprints.file(paths["image"], memory),
        fingerprints.file(paths["file"], memory),
        fingerprints.folder(paths["image_encoder"], memory),
    ]
    for path, digest, planned in zip(paths.values(), found, style["fingerprints"], strict=True):
        if digest != planned:
            raise StrataError(f"{path} changed after the build began. Build again: then all layers are made with one.")


def _load(pipeline, paths: Mapping[str, Path]) -> None:
    device = pipeline.unet.device
    try:
        encoder = CLIPVisionModelWithProjection.from_pretrained(
            paths["image_encoder"], dtype=pipeline.unet.dtype, use_safetensors=True, local_files_only=True
        ).to(device)
        side = encoder.config.image_size
        extractor = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
        pipeline.register_modules(image_encoder=encoder, feature_extractor=extractor)
        pipeline.load_ip_adapter(_weights(paths["file"]), subfolder="", weight_name="", image_encoder_folder=None)
    except UNFIT as error:
        if hardware.ran_out(error):
            raise
        reason = " ".join(str(error).split())[:300]
        raise StrataError(
            f"The style adapter {paths['file']} with the image encoder {paths['image_encoder']} does not fit the model, a "
            f"{type(pipeline).__name__}: {reason}. All three must be made for each other, and be safetensors."
        ) from None


def _weights(file: Path) -> dict[str, dict]:
    """The weights by the two parts of an IP-Adapter: what projects the image, and what attends to it."""
    weights = load_file(file)
    parts = {
        part: {key.removeprefix(f"{part}."): value for key, value in weights.items() if key.startswith(f"{part}.")}
        for part in ("image_proj", "ip_adapter")
    }
    if not all(parts.values()):
        raise ValueError("its weights must be named image_proj.… and ip_adapter.…")
    return parts
