"""Models of transformers that look at a picture: which there are, and how they are loaded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image

from strata.diffusion import devices
from strata.diffusion.loading import LoadError, explain
from strata.imaging.model_inputs import Preparation
from strata.passes import PassModel

CLASSES = {
    "clipseg": "CLIPSegForImageSegmentation",
    "owlv2": "Owlv2ForObjectDetection",
    "grounding-dino": "GroundingDinoForObjectDetection",
    "sam2": "Sam2Model",
    "sam2_video": "Sam2Model",  # as the repositories on the hub name it, which hold a model for films and pictures
    "depth_anything": "DepthAnythingForDepthEstimation",
}
"""The classes by `model_type` of config.json."""

TASKS = {
    "text_to_mask": ("clipseg", "owlv2", "grounding-dino"),
    "box_to_mask": ("sam2", "sam2_video"),
    "depth": ("depth_anything",),
}
"""What can be done by which kinds."""

READERS = TASKS["text_to_mask"]
"""The kinds that read a text."""

SETTINGS = "preprocessor_config.json"
PROCESSOR = "processor_config.json"
"""Where a repository says how a picture is prepared; in the second, under `image_processor`."""


@dataclass(frozen=True)
class VisionModel:
    """A model that is ready to look.

    Attributes:
        kind: a key of CLASSES.
        network: an object of that class.
        preparation: how it takes a picture.
        tokenizer: for one that reads a text.
        device: torch's name of where it lies.
    """

    kind: str
    network: Any
    preparation: Preparation
    tokenizer: Any
    device: str

    @property
    def dtype(self) -> torch.dtype:
        """The precision of its weights."""
        chosen: torch.dtype = self.network.dtype
        return chosen

    def take(self, picture: Image.Image) -> torch.Tensor:
        """A picture ("RGB") as the network takes it, of shape (1, 3, height, width)."""
        return torch.from_numpy(self.preparation.prepare(picture)).to(self.device, self.dtype)


def load(task: str, model: PassModel, folder: Path | None, device: str) -> VisionModel:
    """Loads a model onto a device. `dtype: auto` is float32: these models are small, and what they say is compared with a threshold.

    Args:
        task: a key of TASKS.
        folder: the model's; None for one on the hub, which is fetched if it is not in the hub's cache.
        device: torch's name of it.

    Raises:
        LoadError: it is of another kind, or its files are not all there.
    """
    source, revision = folder or model["id"], model["revision"]
    try:
        kind = _find_kind(task, source, revision)
        network, loaded = getattr(transformers, CLASSES[kind]).from_pretrained(
            source,
            revision=revision,
            variant=model["variant"],
            dtype=torch.float32 if model["dtype"] == "auto" else devices.choose_dtype(model["dtype"], device),
            use_safetensors=True,
            output_loading_info=True,
        )
        if missing := sorted(loaded["missing_keys"]):
            raise LoadError(f"its weights lack {len(missing)} tensors, such as {missing[0]}")
        tokenizer = transformers.AutoTokenizer.from_pretrained(source, revision=revision) if kind in READERS else None
        preparation = Preparation.from_settings(_read_settings(source, revision), is_squared=kind == "owlv2")
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, TypeError) as error:
        if devices.ran_out_of_memory(error):
            raise
        raise explain(error, may_fetch=folder is None) from None
    return VisionModel(kind, network.to(device).eval(), preparation, tokenizer, device)


def _find_kind(task: str, source: str | Path, revision: str | None) -> str:
    """The `model_type` of a model, which must be one for the task."""
    config, _ = transformers.PretrainedConfig.get_config_dict(source, revision=revision)
    kind = str(config.get("model_type"))
    if kind not in TASKS[task]:
        known = ", ".join(dict.fromkeys(CLASSES[known] for known in TASKS[task]))
        raise LoadError(f"its config.json says that it is a {kind}, and {task} needs one of {known}")
    return kind


def _read_settings(source: str | Path, revision: str | None) -> Mapping[str, Any]:
    """What a model says about how it takes a picture."""
    from transformers.utils import cached_file

    for name in (SETTINGS, PROCESSOR):
        found = cached_file(str(source), name, revision=revision, _raise_exceptions_for_missing_entries=False)
        if found is not None:
            settings = json.loads(Path(found).read_text(encoding="utf-8"))
            settings = settings.get("image_processor") if name == PROCESSOR else settings
            if isinstance(settings, Mapping):
                return settings
    raise LoadError(f"it holds no {SETTINGS}")
