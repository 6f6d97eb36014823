"""How the depth of a picture is estimated: a model's nearness, in 16 bits of grey."""

import numpy as np
from PIL import Image

from strata.diffusion import depth_estimation
from strata.diffusion.vision_models import VisionModel


def paint(model: VisionModel, picture: Image.Image) -> Image.Image:
    """The depth picture, "I;16": near things are white.

    Args:
        model: of the task depth.
        picture: "RGB".
    """
    nearness = depth_estimation.estimate(model, picture)
    return Image.fromarray(np.rint(np.clip(nearness, 0, 1) * 65535).astype(np.uint16))
