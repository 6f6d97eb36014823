"""A look at what was painted, with random weights: how surely a mask shows its subject, and other seeds where it does not."""

import json

import numpy as np
import pytest

from helpers.in_process import describe_scene


def describe(models_of, vision_models, finder="clipseg", **check) -> dict:
    config = describe_scene(models_of("sd15"))
    config["models"]["text_to_mask"] = {"id": str(vision_models / finder)}
    config["subjects"]["rover"] |= {"check": check, "context": 4}
    return config


def read(picture) -> tuple[dict, dict]:
    """The pass, and how it was made."""
    said = json.loads(picture.text["strata"])
    return said["pass"], said["made_by"]


@pytest.mark.parametrize("finder", ["clipseg", "owlv2", "grounding_dino"])
def test_a_check_says_how_surely_the_mask_shows_the_subject(finder, models_of, vision_models, builder):
    """What a tenth of the mask reaches in the picture beside it; twice the same; the subject is as without a check."""
    config = describe(models_of, vision_models, finder)
    pictures, _ = builder.build(config)
    heat, mask = np.asarray(pictures["checks/rover"]), np.asarray(pictures["mask of rover"])
    assert heat.shape == mask.shape
    score = float(read(pictures["checks/rover"])[1]["score"])
    inside = heat[mask >= 128]
    assert (inside >= round(score * 255)).mean() >= 0.1
    assert (inside > round(score * 255)).mean() < 0.1
    assert (heat[mask > 0].max(), heat[:8, :8].max()) != (0, 0)
    assert heat[:, :40].max() == 0  # what is far away is not looked at
    before = {name: picture.tobytes() for name, picture in pictures.items()}
    assert {name: picture.tobytes() for name, picture in builder.build(config)[0].items()} == before
    del config["subjects"]["rover"]["check"]
    assert builder.build(config)[0]["rover"].tobytes() == before["rover"]


def test_other_seeds_are_tried_until_one_is_good_enough(models_of, vision_models, builder):
    scores = {}
    for seed in (99, 100, 101, 102):
        config = describe(models_of, vision_models)
        config["subjects"]["rover"]["seed"] = seed
        pictures, _ = builder.build(config)
        scores[seed] = float(read(pictures["checks/rover"])[1]["score"]), pictures["rover"].tobytes()
    wanted = max(scores[seed][0] for seed in (100, 101, 102))
    assert wanted > scores[99][0]
    taken = next(seed for seed, (score, _) in scores.items() if score >= wanted)
    pictures, _ = builder.build(describe(models_of, vision_models, threshold=wanted, retries=3))
    pass_, _ = read(pictures["rover"])
    assert pass_["seed"] == taken
    assert pass_["tried"] == [{"seed": seed, "score": scores[seed][0]} for seed in range(99, taken + 1)]
    assert pictures["rover"].tobytes() == scores[taken][1]  # as if that seed had been given
    # The look at it finds what was found then.
    assert float(read(pictures["checks/rover"])[1]["score"]) == wanted
    before = pictures["rover"].tobytes()
    assert (
        builder.build(describe(models_of, vision_models, threshold=wanted, retries=3))[0]["rover"].tobytes() == before
    )


def test_where_none_is_good_enough_the_best_is_kept(models_of, vision_models, builder):
    config = describe(models_of, vision_models, threshold=1.0, retries=2)
    config["subjects"]["rover"]["seed"] = 2**64 - 1
    pictures, reports = builder.build(config)
    tried = read(pictures["rover"])[0]["tried"]
    assert sorted(each["seed"] for each in tried) == [0, 1, 2**64 - 1]  # after the last seed comes the first
    assert tried[-1]["score"] == max(each["score"] for each in tried)
    assert read(pictures["rover"])[0]["seed"] == tried[-1]["seed"]
    assert any(
        "none of 3 seeds shows 'a rover' with the score 1: the best is kept" in line for line in reports["rover"].lines
    )
    mask = np.asarray(pictures["mask of rover"])
    assert (np.asarray(pictures["rover"])[mask == 0] == 0).all()
