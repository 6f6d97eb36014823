"""The kinds of models: pipelines, and single models: ControlNets, and those of transformers that look at pictures."""

INDEX = "model_index.json"
"""The file that makes a folder a pipeline, and names its components."""

CONFIG = "config.json"
"""The file that makes a folder a single model."""

NAMES = {
    INDEX: ("diffusers pipeline", "stable-diffusion-v1-5/stable-diffusion-v1-5"),
    CONFIG: ("ControlNet or model that looks at pictures", "CIDAS/clipseg-rd64-refined"),
}
"""What a model is whose folder holds such a file, and one on the hub that is such."""

LOOKING = ("text_to_mask", "box_to_mask", "depth", "check")
"""The tasks of single models. All others are those of pipelines."""


def find_index(task: str) -> str:
    """The file that the folder of a model for a task holds, INDEX or CONFIG."""
    return CONFIG if task in LOOKING else INDEX
