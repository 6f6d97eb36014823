"""Scenes with the user's own pictures, masks that follow layers, and a last pass: exact elsewhere, and the same twice."""

import numpy as np
import pytest
from PIL import Image

from helpers.in_process import describe_scene
from helpers.tiny_families import FAMILIES
from strata.imaging import compositing, masks

NOISE = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def same(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(first[name].tobytes() == second[name].tobytes() for name in first)


def flatten(pictures: dict, names: list[str]) -> np.ndarray:
    return np.asarray(compositing.flatten(pictures["background"].size, [compositing.Layer(pictures[n]) for n in names]))


def test_a_photograph_comes_back_bit_for_bit_outside_the_masks(models_of, builder):
    Image.fromarray(NOISE).save("photo.png")
    config = describe_scene(models_of("sd15"))
    config["background"] = {"image": "photo.png"}
    pictures, reports = builder.build(config)
    assert "background" not in reports  # no model ran
    outside = np.maximum(*(np.asarray(pictures[f"mask of {name}"]) for name in ("astronaut", "rover"))) == 0
    flat = flatten(pictures, ["background", "astronaut", "rover"])
    assert (flat[outside] == NOISE[outside]).all()
    assert (flat[~outside] != NOISE[~outside]).any()
    assert same(dict(pictures), builder.build(config)[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_photograph_is_painted_anew_by_each_family(name, models_of, builder):
    """Image to image with the components of the text-to-image model, also where the canvas does not fit its latents."""
    Image.fromarray(NOISE).save("photo.png")
    for canvas in ({}, {"width": 100, "height": 70, "scale": 0.75}):
        config = describe_scene(models_of(name), **canvas)
        config["background"] |= {"image": "photo.png", "strength": 0.5, "steps": 4}
        config["subjects"] = {}
        config["composite"] = {"layers": [{"layer": "background"}]}
        config["effects"] = {}
        pictures, reports = builder.build(config)
        assert reports["background"].steps == [(1, 2), (2, 2)]
        assert pictures["background"].size == pictures["final"].size
        assert same(dict(pictures), builder.build(config)[0])
        config["background"]["strength"] = 1.0
        assert not same(dict(pictures), builder.build(config)[0])


def test_pictures_are_subjects_that_later_ones_see(models_of, builder):
    """Beside their alpha they change nothing, and the subject after them is painted on top of them."""
    picture = Image.fromarray(NOISE).convert("RGBA").crop((0, 0, 30, 40))
    picture.putalpha(Image.radial_gradient("L").resize((30, 40)))
    picture.save("own.png")
    config = describe_scene(models_of("sd15"))
    robot = {"image": "own.png", "position": [50, 10]}
    config["subjects"] = {"robot": robot, "rover": config["subjects"]["rover"]}
    config["composite"] = {}
    pictures, reports = builder.build(config)
    assert "robot" not in reports
    layer, background = np.asarray(pictures["robot"]), np.asarray(pictures["background"])
    assert (layer[10:50, 50:80, 3] == np.asarray(picture)[..., 3]).all()
    beneath = flatten(pictures, ["background", "robot"])
    assert (beneath[layer[..., 3] == 0] == background[layer[..., 3] == 0]).all()
    outside = np.asarray(pictures["mask of rover"]) == 0
    assert (flatten(pictures, ["background", "robot", "rover"])[outside] == beneath[outside]).all()
    rover = pictures["rover"]
    assert same(dict(pictures), builder.build(config)[0])
    robot["mask"] = {"shapes": [{"shape": "rectangle", "bbox": [60, 20, 80, 50]}], "feather": 1}
    pictures, _ = builder.build(config)
    assert (np.asarray(pictures["robot"])[np.asarray(pictures["mask of robot"]) == 0] == 0).all()
    assert pictures["rover"].tobytes() != rover.tobytes()


def test_a_shadow_follows_its_subject(models_of, builder):
    """Outside of the moved and mirrored opacity of the astronaut nothing changes."""
    config = describe_scene(models_of("sd15"))
    config["composite"] = {}
    shadow = {"prompt": "a shadow", "steps": 3, "strength": 0.5, "context": 8}
    shadow["mask"] = {"layer": "astronaut", "offset": [40, 4], "flip": "vertical", "feather": 1}
    config["subjects"] = {"astronaut": config["subjects"]["astronaut"], "shadow": shadow}
    pictures, _ = builder.build(config)
    mask, alpha = np.asarray(pictures["mask of shadow"]), np.asarray(pictures["astronaut"])[..., 3]
    ys, xs = np.nonzero(alpha)
    moved = np.zeros_like(alpha)
    upside_down = ys.max() + ys.min() + 4 - ys
    seen = (upside_down < 64) & (xs + 40 < 96)
    moved[upside_down[seen], xs[seen] + 40] = alpha[ys[seen], xs[seen]]
    assert np.abs(mask.astype(int) - moved).max() < 128  # but for the feather
    outside = mask == 0
    beneath = flatten(pictures, ["background", "astronaut"])
    after = flatten(pictures, ["background", "astronaut", "shadow"])
    assert (after[outside] == beneath[outside]).all()
    assert (after[~outside] != beneath[~outside]).any()
    assert same(dict(pictures), builder.build(config)[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_flattened_stack_is_refined_by_each_family(name, models_of, builder):
    """All of it, or a ring round the subjects and nothing else; twice, to the same bytes."""
    config = describe_scene(models_of(name), width=100, height=70, scale=0.75)
    plain = np.asarray(builder.build(config)[0]["final"])
    config["refine"] = {"prompt": "a desert", "steps": 10, "seed": 5}
    pictures, reports = builder.build(config)
    assert reports["refined"].steps == [(1, 2), (2, 2)]
    assert pictures["refined"].size == pictures["final"].size == (75, 52)
    assert pictures["refined"].tobytes() == pictures["final"].tobytes()  # no finish here
    changed = np.asarray(pictures["refined"]) != plain
    assert changed.any(axis=2).mean() > 0.5
    config["refine"]["mask"] = {"ring": 3, "feather": 1}
    pictures, _ = builder.build(config)
    covered = np.maximum(*(np.asarray(pictures[subject])[..., 3] for subject in ("astronaut", "rover")))
    ring = np.asarray(masks.edge(Image.fromarray(covered), 3 * 0.75, 0.75))
    refined = np.asarray(pictures["refined"])
    assert 0 < (ring > 0).mean() < 0.7
    assert (refined[ring == 0] == plain[ring == 0]).all()
    assert (refined[ring > 0] != plain[ring > 0]).any()
    assert same(dict(pictures), builder.build(config)[0])


def test_fog_and_focus_follow_a_depth_picture(models_of, builder):
    """Also where the stack is refined; what is near and in focus stays bit for bit."""
    near = np.zeros((64, 96), bool)
    near[:, :30] = True
    Image.fromarray(np.where(near, 65535, np.arange(96)[None] * 500).astype(np.uint16)).save("depth.png")
    config = describe_scene(models_of("sd15"))
    fog = config["composite"]["layers"][3]
    config["composite"]["layers"][3] = fog | {"opacity": 0}
    clear = np.asarray(builder.build(config)[0]["final"])
    config["depth"] = {"image": "depth.png", "near": "white"}
    config["composite"]["layers"][3] = fog | {"opacity": 0.8, "depth": {"start": 0.05, "end": 1.0}}
    foggy = np.asarray(builder.build(config)[0]["final"])
    assert (foggy[near] == clear[near]).all()
    assert (foggy[~near] != clear[~near]).mean() > 0.5
    config["composite"]["depth_of_field"] = {"focus": 0.0, "blur": 4}
    pictures, _ = builder.build(config)
    blurred = np.asarray(pictures["final"])
    assert (blurred[near] == clear[near]).all()
    assert (blurred[~near] != foggy[~near]).mean() > 0.5
    assert same(dict(pictures), builder.build(config)[0])
    del config["composite"]["depth_of_field"]
    config["refine"] = {"prompt": "a desert", "steps": 10, "mask": {"ring": 1, "feather": 0}}
    pictures, _ = builder.build(config)
    ring = masks.edge(pictures["mask of astronaut"], 1, 0), masks.edge(pictures["mask of rover"], 1, 0)
    outside = np.maximum(*map(np.asarray, ring)) == 0
    assert (np.asarray(pictures["final"])[outside] == foggy[outside]).all()
