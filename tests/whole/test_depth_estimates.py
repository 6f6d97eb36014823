"""Depth that a model estimates, with random weights: a target in 16 bits, which fog and focus follow."""

import json

import numpy as np
import pytest
from PIL import Image

from helpers import tiny_vision
from helpers.in_process import describe_scene
from strata.errors import StrataError


def describe(models_of, vision_models, **depth) -> dict:
    """The tiny scene, whose fog thickens with the distance that a model estimates."""
    config = describe_scene(models_of("sd15"))
    config["models"]["depth"] = {"id": str(vision_models / "depth_anything")}
    config["depth"] = {"of": "background"} | depth
    config["composite"]["layers"][3] |= {"opacity": 0.8, "blur": 0, "depth": {"start": 0.5, "end": 1.0}}
    return config


def test_fog_and_focus_follow_an_estimate(models_of, vision_models, builder):
    """Nearer than its start there is no fog, bit for bit; twice, to the same bytes."""
    config = describe(models_of, vision_models)
    config["canvas"] = {"width": 100, "height": 70, "scale": 0.75}
    pictures, _ = builder.build(config)
    depth = pictures["depth/background"]
    assert (depth.mode, depth.size) == ("I;16", (75, 52))
    nearness = np.asarray(depth).astype(float) / 65535
    assert (nearness.min() < 0.1, nearness.max() > 0.9) == (True, True)
    assert len(np.unique(nearness)) > 300  # more than 8 bits hold
    foggy = np.asarray(pictures["final"])
    config["composite"]["layers"][3]["opacity"] = 0
    clear = np.asarray(builder.build(config)[0]["final"])
    near = 1 - nearness < 0.499
    assert (foggy[near] == clear[near]).all()
    assert (foggy[~near] != clear[~near]).mean() > 0.5
    config["composite"]["depth_of_field"] = {"focus": 0.1, "range": 0.3, "blur": 4}
    pictures, _ = builder.build(config)
    blurred, sharp = np.asarray(pictures["final"]), np.abs(1 - nearness - 0.1) < 0.299
    assert (blurred != clear).any()
    assert (blurred[sharp] == clear[sharp]).mean() > 0.9  # but for what is near and blurs over it
    before = {name: picture.tobytes() for name, picture in pictures.items()}
    assert {name: picture.tobytes() for name, picture in builder.build(config)[0].items()} == before


def test_the_depth_is_that_of_the_picture_as_far_as_a_layer(models_of, vision_models, builder):
    alone = builder.build(describe(models_of, vision_models))[0]["depth/background"]
    config = describe(models_of, vision_models, of="rover")
    whole = builder.build(config)[0]["depth/rover"]
    assert whole.tobytes() != alone.tobytes()
    assert json.loads(whole.text["strata"])["pass"]["task"] == "depth"
    config["refine"] = {"prompt": "a desert", "steps": 5}
    assert builder.build(config)[0]["depth/rover"].tobytes() == whole.tobytes()


def test_a_model_of_metric_depth_says_distances(models_of, vision_models, builder, tmp_path):
    """What is far has large numbers there, and near things are white all the same."""
    relative = np.asarray(builder.build(describe(models_of, vision_models))[0]["depth/background"]).astype(float)
    folder = tiny_vision.depth_anything(tmp_path / "metric", "metric")
    config = describe(models_of, vision_models, model="metric")
    config["models"]["metric"] = {"id": str(folder)}
    metric = np.asarray(builder.build(config)[0]["depth/background"]).astype(float)
    assert np.corrcoef(relative.ravel(), metric.ravel())[0, 1] < -0.5


@pytest.mark.parametrize("kind", ["clipseg", "sam2"])
def test_a_model_of_another_kind_is_refused(kind, models_of, vision_models, builder):
    config = describe(models_of, vision_models)
    config["models"]["depth"]["id"] = str(vision_models / kind)
    with pytest.raises(StrataError, match=f"says that it is a {kind}, and depth needs one of DepthAnythingForDepth"):
        builder.build(config)


def test_a_picture_at_one_distance_is_a_sentence(models_of, vision_models, builder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(vision_models / "depth_anything", tmp_path / "flat")
    weights = load_file(folder / "model.safetensors")
    weights["head.conv3.weight"] *= 0
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = describe(models_of, vision_models)
    config["models"]["depth"]["id"] = str(folder)
    with pytest.raises(StrataError, match="The depth model sees everything at one distance"):
        builder.build(config)


def test_an_estimate_can_be_retouched_in_8_bits(models_of, vision_models, builder):
    from strata.imaging import depth

    spec = {"image": "depth/background.png", "near": "white", "fit": "stretch", "where": "config.yaml: depth.of"}
    Image.linear_gradient("L").resize((96, 64)).save("own.png")
    assert depth.read(spec, (96, 64), file="own.png").shape == (64, 96)
