"""How near everything in a picture is, by Depth Anything (Yang et al. 2024)."""

import numpy as np
import torch
from PIL import Image

from strata.diffusion.vision_models import VisionModel
from strata.errors import StrataError
from strata.imaging import regions
from strata.imaging.arrays import Array


def estimate(model: VisionModel, picture: Image.Image) -> Array:
    """Nearness from 0, the farthest, to 1, the nearest: float32 of shape (height, width).

    A model of relative depth gives the inverse of the distance but for a factor and an offset, which is stretched to that
    range. One of metric depth gives the distance, whose negative is.

    Args:
        picture: "RGB".

    Raises:
        StrataError: the model sees no distances, or says what is no number.
    """
    with torch.no_grad():
        predicted = model.network(pixel_values=model.take(picture)).predicted_depth
    depth = predicted.float()[0].cpu().numpy()
    if not np.isfinite(depth).all():
        raise StrataError("The depth model returned numbers that are not finite. Give it `dtype: float32`.")
    nearness = -depth if model.network.config.depth_estimation_type == "metric" else depth
    least, most = nearness.min(), nearness.max()
    if least == most:
        raise StrataError(
            "The depth model sees everything at one distance. Name another model, or a depth picture of your own."
        )
    return regions.resize((nearness - least) / (most - least), picture.size)
