"""What guides a pass, as arguments of a pipeline."""

import numpy as np
import pytest
from diffusers import (
    QwenImageControlNetInpaintPipeline,
    StableDiffusion3ControlNetInpaintingPipeline,
    StableDiffusionControlNetInpaintPipeline,
)
from PIL import Image

from strata.diffusion import guidance
from strata.errors import StrataError
from strata.imaging.guides import Guides

PLATE = Image.fromarray(np.arange(8 * 6 * 3, dtype=np.uint8).reshape(6, 8, 3))
MASK = Image.new("L", (8, 6))
MASK.paste(255, (2, 1, 5, 4))


def unloaded(kind):
    """A pipeline without parts: its signature alone counts."""
    return object.__new__(kind)


def control(kind: str) -> dict:
    return {"kind": kind, "scale": 0.5, "mode": None}


@pytest.mark.parametrize("kind", [StableDiffusion3ControlNetInpaintingPipeline, QwenImageControlNetInpaintPipeline])
def test_a_controlnet_that_alone_sees_the_plate_is_given_it_with_the_mask(kind):
    found = guidance.lay_out(unloaded(kind), {"control": control("plate")}, PLATE, MASK)
    assert found == {"control_image": PLATE, "control_mask": MASK}


def test_a_controlnet_beside_a_pipeline_that_sees_the_plate_gets_it_without_what_is_masked():
    pipeline = unloaded(StableDiffusionControlNetInpaintPipeline)
    found = guidance.lay_out(pipeline, {"control": control("plate")}, PLATE, MASK)
    assert (found["image"], found["mask_image"]) == (PLATE, MASK)
    seen, masked = found["control_image"].numpy(), np.asarray(MASK) == 255
    assert seen.shape == (1, 3, 6, 8)
    assert (seen[0][:, masked] == -1).all()
    assert (np.rint(seen[0].transpose(1, 2, 0)[~masked] * 255) == np.asarray(PLATE)[~masked]).all()


@pytest.mark.parametrize("spec", [{"control": None}, {"control": control("canny")}])
def test_a_plate_is_no_control_unless_it_is_asked_for(spec):
    pipeline = unloaded(StableDiffusionControlNetInpaintPipeline)
    assert guidance.lay_out(pipeline, spec, PLATE, MASK) == {"image": PLATE, "mask_image": MASK}


def test_a_controlnet_that_was_not_known_before_it_was_fetched_is_refused_then():
    """As one on the hub is: what the scene asks of it shows when it is here."""
    spec = {"model": {"id": "someone/sd3"}, "control": control("canny")}
    with pytest.raises(
        StrataError, match="someone/sd3 is a StableDiffusion3ControlNetInpaintingPipeline, whose ControlNets"
    ):
        guidance.find_arguments(
            unloaded(StableDiffusion3ControlNetInpaintingPipeline),
            spec,
            Guides(control=PLATE),
            True,
            lambda image: image,
        )
