"""Compositions that follow a picture, by ControlNets, in each family that has some."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from helpers import tiny_adapters, tiny_controlnets
from helpers.in_process import describe_scene
from strata.errors import StrataError
from strata.imaging import compositing
from strata.scene.scene import Scene

KINDS = {  # ControlNet: its family, what it can guide
    "sd15": ("sd15", {"background", "refined", "subject"}),
    "sdxl": ("sdxl", {"background", "refined", "subject"}),
    "sdxl-union": ("sdxl-single", {"background", "refined", "subject"}),
    "sd35": ("sd35", {"background"}),
    "flux": ("flux-fill", {"background", "refined", "subject"}),
    "flux-union": ("flux-fill", {"background"}),
    "qwen-image": ("qwen-image", {"background"}),
    "z-image": ("z-image", {"background"}),
    "z-image-inpaint": ("z-image", {"subject"}),
}
PLATES = {"sd15": "sd15", "sd35-inpaint": "sd35", "qwen-image-inpaint": "qwen-image"}
"""ControlNets that follow the plate of a subject with its mask, and their families."""


@pytest.fixture
def scene_of(models_of, builder, tmp_path):
    """Gives a scene on a tiny family with a ControlNet beside it, and two pictures to follow."""

    def describe(kind: str, **canvas) -> dict:
        family = PLATES[kind] if kind in PLATES else KINDS[kind][0]
        config = describe_scene(models_of(family), **canvas)
        folder = tiny_controlnets.save(kind, tmp_path / f"controlnet-{kind}")
        if kind == "flux":  # its subjects are painted by the plain model: FLUX.1 Fill has no ControlNets
            config["models"]["inpainting"] = config["models"]["text_to_image"]
        config["models"]["guide"] = {"id": str(folder), "dtype": "float32"}
        config["effects"], config["composite"] = {}, {}
        return config

    Image.linear_gradient("L").convert("RGB").save("photo.png")
    for name, box in (("one.png", (10, 10, 60, 50)), ("two.png", (40, 20, 90, 60))):
        picture = Image.new("RGB", (96, 64))
        ImageDraw.Draw(picture).rectangle(box, fill="white")
        picture.save(name)
    return describe


def differ(first: Image.Image, second: Image.Image) -> bool:
    return first.tobytes() != second.tobytes()


def flatten(pictures: dict, names: list[str]) -> np.ndarray:
    return np.asarray(compositing.flatten(pictures["background"].size, [compositing.Layer(pictures[n]) for n in names]))


def describe_place(scene_of, kind: str, place: str) -> tuple[dict, dict, str]:
    """A scene whose one pass is a background, a subject or what refines the picture: with its description, and the layer's name."""
    config = scene_of(kind, width=100, height=70, scale=0.75)
    rover = config["subjects"]["rover"] | {"context": 12, "strength": 0.9}
    config["subjects"] = {}
    if place == "background":
        return config, config["background"], "background"
    config["background"] = {"image": "photo.png"}
    if place == "subject":
        config["subjects"]["rover"] = rover
        return config, rover, "rover"
    refine = config["refine"] = {"prompt": "a desert", "steps": 2, "strength": 0.9}
    return config, refine, "refined"


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind, (_, places) in KINDS.items() for place in sorted(places)]
)
def test_a_pass_follows_a_picture(kind, place, scene_of, builder):
    """Another picture or scale gives another layer, on any canvas, and twice the same bytes come out."""
    config, described, layer = describe_place(scene_of, kind, place)
    plain = builder.build(config)[0][layer]
    seen = [plain]
    for control in (
        {"image": "one.png", "kind": "canny"},
        {"image": "two.png", "kind": "canny"},
        {"image": "two.png", "kind": "canny", "scale": 0.3},
        {"image": "two.png", "kind": "depth", "scale": 0.3},
    ):
        described["control"] = {"model": "guide"} | control
        pictures = builder.build(config)[0]
        assert all(differ(pictures[layer], other) for other in seen), control
        seen.append(pictures[layer])
    again = builder.build(config)[0]
    assert [name for name, picture in pictures.items() if differ(again[name], picture)] == []
    if place == "subject":
        outside = np.asarray(pictures["mask of rover"]) == 0
        assert (flatten(pictures, ["background", "rover"])[outside] == flatten(pictures, ["background"])[outside]).all()
    del described["control"]
    assert not differ(builder.build(config)[0][layer], plain)


def test_a_subject_follows_the_edges_of_a_layer(scene_of, builder):
    """Also of one that it does not see otherwise."""
    config = scene_of("sd15")
    config["subjects"]["rover"] |= {"context": 4, "control": {"model": "guide", "kind": "canny", "of": "background"}}
    followed = builder.build(config)[0]["rover"]
    for other in ({"of": "astronaut"}, {"of": "background", "thresholds": [300, 900]}):
        config["subjects"]["rover"]["control"] = {"model": "guide", "kind": "canny"} | other
        assert differ(builder.build(config)[0]["rover"], followed), other


def test_a_subject_follows_the_depth_that_is_estimated_of_a_layer(scene_of, vision_models, builder):
    config = scene_of("sd15", width=100, height=70, scale=0.75)
    config["models"]["depth"] = {"id": str(vision_models / "depth_anything")}
    control = {"model": "guide", "kind": "depth", "of": "background"}
    config["subjects"]["rover"]["control"] = control
    followed = builder.build(config)[0]
    assert followed["depth/background"].mode == "I;16"
    again = builder.build(config)[0]
    assert not differ(again["rover"], followed["rover"])
    config["background"]["seed"] += 1  # which the rover sees by its depth, too
    assert differ(builder.build(config)[0]["depth/background"], again["depth/background"])
    config["background"]["seed"] -= 1
    for other in ({"of": "astronaut"}, {"scale": 0.2}, {"kind": "image"}):
        config["subjects"]["rover"]["control"] = control | other
        assert differ(builder.build(config)[0]["rover"], followed["rover"]), other


def test_a_union_is_told_which_kind_it_follows(scene_of, builder):
    config = scene_of("sdxl-union")
    config["subjects"] = {}
    control = config["background"]["control"] = {"model": "guide", "image": "one.png", "mode": 3}
    third = builder.build(config)[0]["background"]
    control["mode"] = 1
    assert differ(builder.build(config)[0]["background"], third)
    del control["mode"]
    with pytest.raises(StrataError, match="does not say which of them it is"):
        builder.build(config)
    control["mode"] = 6
    with pytest.raises(
        StrataError, match=r"control\.mode is 6, but the ControlNet, a ControlNetUnionModel, has 6 kinds"
    ):
        builder.build(config)


@pytest.mark.parametrize(
    ("kind", "place", "sentence"),
    [
        ("sd35", "subject", "whose ControlNets for a subject follow its plate and nothing else"),
        ("qwen-image", "subject", "whose ControlNets for a subject follow its plate and nothing else"),
        ("z-image", "refined", "has no ControlNets for a picture that is painted anew"),
        ("flux-union", "subject", "a FluxFillPipeline, a family for which diffusers has no ControlNets here"),
    ],
)
def test_what_a_family_lacks_is_a_sentence_before_it_is_loaded(kind, place, sentence, scene_of):
    config = scene_of(kind)
    config["refine"] = {"prompt": "a desert", "steps": 5}
    described = config["refine"] if place == "refined" else config["subjects"]["rover"]
    described["control"] = {"model": "guide", "image": "one.png"}
    with pytest.raises(StrataError, match=sentence):
        Scene(config, "config.yaml")


@pytest.mark.parametrize("known", [True, False])
def test_a_union_does_not_inpaint_with_a_mask_as_channels(known, scene_of, models_of, builder, monkeypatch):
    if not known:
        monkeypatch.setattr("strata.models.reference.only_inpaints", lambda model: False)
    config = scene_of("sdxl-union")
    config["models"]["inpainting"] = {"id": str(models_of("sdxl")["inpainting"]), "dtype": "float32"}
    config["subjects"]["rover"]["control"] = {"model": "guide", "kind": "canny", "image": "one.png"}
    with pytest.raises(
        StrataError, match="which takes a mask as channels of its own, and unions of ControlNets do not"
    ):
        builder.build(config)


def test_a_controlnet_of_another_size_is_a_sentence(scene_of, builder, tmp_path):
    """XL's with Stable Diffusion 1.5: their classes are the same."""
    config = scene_of("sd15")
    config["models"]["guide"]["id"] = str(tiny_controlnets.save("sdxl", tmp_path / "xl"))
    config["background"]["control"] = {"model": "guide", "image": "one.png"}
    with pytest.raises(StrataError, match="could not be loaded: it is made for a UNet whose cross_attention_dim is 32"):
        builder.build(config)


def test_a_controlnet_that_changed_is_a_sentence(scene_of, builder):
    config = scene_of("sd15")
    config["background"]["control"] = {"model": "guide", "image": "one.png"}
    spec = Scene(config, "config.yaml").background()
    described = Path(config["models"]["guide"]["id"], "config.json")
    described.write_text(f"{described.read_text()} ")
    with pytest.raises(StrataError, match="changed after the build began"):
        builder._paint("background", spec)


@pytest.mark.parametrize("kind", PLATES)
def test_a_subject_follows_its_own_plate(kind, scene_of, builder):
    """Another scale or plate gives another layer, on any canvas; nothing changes outside the mask; twice the same bytes come out."""
    config, rover, _ = describe_place(scene_of, kind, "subject")
    config["background"], rover["context"] = {"image": "one.png"}, 24
    plain = builder.build(config)[0]
    control = rover["control"] = {"model": "guide", "kind": "plate"}
    followed = builder.build(config)[0]
    assert differ(followed["rover"], plain["rover"])
    outside = np.asarray(followed["mask of rover"]) == 0
    assert (flatten(followed, ["background", "rover"])[outside] == flatten(followed, ["background"])[outside]).all()
    for changed, value in ((control, {"scale": 0.3}), (config["background"], {"image": "two.png"})):
        before = dict(changed)
        changed |= value
        assert differ(builder.build(config)[0]["rover"], followed["rover"]), value
        changed.clear()
        changed |= before
    again, _ = builder.build(config)
    assert not any(differ(again[name], picture) for name, picture in followed.items())


def keep_silent(config: dict, key: str) -> None:
    """Takes a key out of what the ControlNet says of itself."""
    file = Path(config["models"]["guide"]["id"], "config.json")
    file.write_text(json.dumps({name: value for name, value in json.loads(file.read_text()).items() if name != key}))


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize(
    ("kind", "key"), [("sd35", "extra_conditioning_channels"), ("qwen-image", "extra_condition_channels")]
)
def test_a_controlnet_without_a_mask_does_not_inpaint_and_one_with_a_mask_does_nothing_else(
    kind, key, said, scene_of, builder
):
    """Whether its config says so, before a model is loaded, or its weights, when it is loaded."""
    for name, place, control in (
        (kind, "subject", {"kind": "plate"}),
        (f"{kind}-inpaint", "background", {"kind": "canny", "image": "one.png"}),
    ):
        config, described, _ = describe_place(scene_of, name, place)
        if not said:
            keep_silent(config, key)
        described["control"] = {"model": "guide"} | control
        with pytest.raises(StrataError, match=f"its config says {key}" if said else "could not be loaded: .*shape"):
            Scene(config, "config.yaml") if said else builder.build(config)


@pytest.mark.parametrize(
    ("kind", "key"), [("sd35", "extra_conditioning_channels"), ("qwen-image", "extra_condition_channels")]
)
def test_a_mask_in_the_weights_that_the_config_keeps_silent_about_is_found(kind, key, scene_of, builder):
    """As those that were saved before the key was there."""
    config, rover, _ = describe_place(scene_of, f"{kind}-inpaint", "subject")
    rover["control"] = {"model": "guide", "kind": "plate"}
    told = builder.build(config)[0]["rover"]
    keep_silent(config, key)
    assert not differ(builder.build(config)[0]["rover"], told)


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("sd15", "subject"),
        ("sdxl", "subject"),
        ("sd35", "background"),
        ("flux", "background"),
        ("sd35-inpaint", "subject"),
    ],
)
def test_a_pass_follows_a_picture_in_the_style_of_another(kind, place, scene_of, builder, tmp_path):
    """Both count, and each leaves nothing behind."""
    config, described, layer = describe_place(scene_of, kind, place)
    model = config["models"]["inpainting" if place == "subject" else "text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    control = {"model": "guide"} | ({"kind": "plate"} if kind in PLATES and kind != "sd15" else {"image": "one.png"})
    style = {"image": "two.png", "weight": 1.0}
    seen = []
    for guides in ({}, {"control": control}, {"style": style}, {"control": control, "style": style}):
        described |= {"control": None, "style": None} | guides
        seen.append(builder.build(config)[0][layer].tobytes())
    assert len(set(seen)) == 4
    for guides, before in (({"control": control}, seen[1]), ({}, seen[0])):
        described |= {"control": None, "style": None} | guides
        assert builder.build(config)[0][layer].tobytes() == before


def test_a_family_that_has_either_says_so_before_it_is_loaded(scene_of, tmp_path):
    config = scene_of("flux")
    model = config["models"]["inpainting"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    config["subjects"]["rover"] |= {"control": {"model": "guide", "image": "one.png"}, "style": {"image": "two.png"}}
    with pytest.raises(
        StrataError, match="a FluxPipeline, which takes a picture for its `style` or a ControlNet, and not both"
    ):
        Scene(config, "config.yaml")
