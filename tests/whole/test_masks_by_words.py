"""Whole scenes whose masks are said in words, by each kind of model that finds them, with random weights."""

import json

import numpy as np
import pytest

from helpers.in_process import describe_scene
from strata.errors import StrataError
from strata.imaging import compositing

FINDERS = ("clipseg", "owlv2", "grounding_dino")
THRESHOLDS = {"clipseg": 0.6, "owlv2": 0.5, "grounding_dino": 0.5}
"""What random weights are so sure of somewhere, and not everywhere."""


def describe(models_of, vision_models, finder: str, **mask) -> dict:
    """The tiny scene, whose rover goes where a text says."""
    config = describe_scene(models_of("sd15"))
    config["models"]["text_to_mask"] = {"id": str(vision_models / finder)}
    config["models"]["box_to_mask"] = {"id": str(vision_models / "sam2")}
    mask = {"text": "the rock on the left", "threshold": THRESHOLDS[finder], "feather": 1} | mask
    config["subjects"]["rover"]["mask"] = mask
    return config


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)


def flatten(pictures: dict, names: list[str]) -> np.ndarray:
    return np.asarray(compositing.flatten(pictures["background"].size, [compositing.Layer(pictures[n]) for n in names]))


@pytest.mark.parametrize("edge", [None, "box_to_mask"])
@pytest.mark.parametrize("finder", FINDERS)
def test_a_subject_is_painted_where_a_text_says(finder, edge, models_of, vision_models, builder):
    """Exact outside of the mask, also on a canvas that fits no model; twice, to the same bytes."""
    config = describe(models_of, vision_models, finder, edge=edge)
    config["canvas"] = {"width": 100, "height": 70, "scale": 0.75}
    pictures, _ = builder.build(config)
    found, mask = (np.asarray(pictures[name]) for name in ("found/rover", "mask of rover"))
    assert found.shape == (52, 75)
    assert set(np.unique(found)) == {0, 255}
    assert 0 < (found > 0).mean() < 1
    assert np.abs(mask.astype(int) - found)[found > 0].mean() < 128  # but for the feather
    outside = mask == 0
    beneath = flatten(pictures, ["background", "astronaut"])
    after = flatten(pictures, ["background", "astronaut", "rover"])
    assert (after[outside] == beneath[outside]).all()
    assert (after[~outside] != beneath[~outside]).any()
    before = dict(pictures)
    assert same(before, builder.build(config)[0])


def test_the_picture_as_far_as_a_layer_is_looked_at(models_of, vision_models, builder):
    config = describe(models_of, vision_models, "clipseg")
    found = builder.build(config)[0]["found/rover"]
    assert json.loads(found.text["strata"])["pass"]["text"] == "the rock on the left"
    config["subjects"]["astronaut"]["seed"] += 1
    assert builder.build(config)[0]["found/rover"].tobytes() == found.tobytes()  # the background alone
    config["subjects"]["rover"]["mask"]["of"] = "astronaut"
    seen = builder.build(config)[0]["found/rover"].tobytes()
    config["subjects"]["astronaut"]["seed"] += 1
    assert builder.build(config)[0]["found/rover"].tobytes() != seen


def test_each_word_counts(models_of, vision_models, builder):
    for finder in FINDERS:
        config = describe(models_of, vision_models, finder, choose="all")
        found = builder.build(config)[0]["found/rover"].tobytes()
        config["subjects"]["rover"]["mask"]["text"] = "xylophone"
        config["subjects"]["rover"]["mask"]["threshold"] *= 0.7
        assert builder.build(config)[0]["found/rover"].tobytes() != found, finder


def test_what_is_found_unites_with_shapes(models_of, vision_models, builder):
    config = describe(models_of, vision_models, "clipseg", feather=0)
    shape = {"shape": "rectangle", "bbox": [0, 0, 20, 20]}
    found = np.asarray(builder.build(config)[0]["found/rover"])
    config["subjects"]["rover"]["mask"]["shapes"] = [shape]
    mask = np.array(builder.build(config)[0]["mask of rover"])
    assert (mask[:20, :20] == 255).all()
    mask[:20, :20] = found[:20, :20]
    assert (mask == found).all()


@pytest.mark.parametrize("finder", FINDERS)
def test_nothing_found_is_a_sentence_that_says_what_was_seen(finder, models_of, vision_models, builder):
    config = describe(models_of, vision_models, finder, threshold=0.999)
    with pytest.raises(StrataError) as error:
        builder.build(config)
    assert str(error.value).startswith(
        "config.yaml: subjects.rover.mask.text is 'the rock on the left', but nothing in the background has the score that its "
        "threshold asks for, 0.999. Seen were "
    )
    assert " at [" in str(error.value)


def test_a_model_of_another_kind_is_refused(models_of, vision_models, builder):
    config = describe(models_of, vision_models, "clipseg")
    config["models"]["text_to_mask"] = config["models"]["box_to_mask"]
    with pytest.raises(StrataError, match="says that it is a sam2, and text_to_mask needs one of CLIPSegForImage"):
        builder.build(config)


def test_weights_that_are_not_all_there_are_refused(models_of, vision_models, builder, tmp_path):
    import shutil

    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(vision_models / "clipseg", tmp_path / "cut")
    weights = load_file(folder / "model.safetensors")
    weights.pop("decoder.film_mul.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = describe(models_of, vision_models, "clipseg")
    config["models"]["text_to_mask"]["id"] = str(folder)
    with pytest.raises(StrataError, match=r"its weights lack 1 tensors, such as decoder\.film_mul\.weight"):
        builder.build(config)


def test_a_text_that_is_too_long_is_refused(models_of, vision_models, builder):
    config = describe(models_of, vision_models, "owlv2", text="a rock " * 20)
    with pytest.raises(StrataError, match=r"has \d+ tokens, but a model of the kind owlv2 reads 32"):
        builder.build(config)
