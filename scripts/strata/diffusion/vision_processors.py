"""What brings prompts with pictures into the form that Qwen's vision language models read, without torchvision."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer, Qwen2VLImageProcessorPil, Qwen2VLProcessor

FOLDER = "processor"
"""The part of a pipeline that holds one."""


class PictureProcessor(Qwen2VLProcessor):  # type: ignore[misc]
    """Qwen's processor for pictures alone.

    That of transformers insists on a part for videos, which needs torchvision; its wheels fit one build of torch each. Pictures
    are prepared by Pillow on every machine, so that the same scene gives the same bytes where torchvision happens to be.
    """

    def __init__(self, image_processor: Any, tokenizer: Any):
        super().__init__(image_processor, tokenizer, None, chat_template=None)

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        if argument_name == "video_processor":
            return None
        return super().check_argument_for_proper_class(argument_name, argument)

    def save_pretrained(self, save_directory: str | Path, **named: Any) -> list[str]:
        """Writes the two parts that there are."""
        return [
            *self.image_processor.save_pretrained(save_directory),
            *self.tokenizer.save_pretrained(save_directory),
        ]


def load(source: str | Path, revision: str | None) -> PictureProcessor:
    """The processor of a pipeline.

    Args:
        source: the pipeline's folder, or its id on the hub.
    """
    named = {"subfolder": FOLDER, "revision": revision}
    return PictureProcessor(
        Qwen2VLImageProcessorPil.from_pretrained(source, **named), AutoTokenizer.from_pretrained(source, **named)
    )
