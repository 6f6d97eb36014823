"""The same astronaut in several scenes: pictures that passes look at, in the families that take them."""

import numpy as np
import pytest
from PIL import Image

from helpers.in_process import describe_scene
from strata.errors import StrataError
from strata.imaging import compositing
from strata.scene.scene import Scene

TAKING = ["flux2-klein", "kontext"]


def draw_picture(seed: int, size: tuple[int, int] = (72, 90)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def flatten(pictures: dict, names: list[str]) -> np.ndarray:
    return np.asarray(compositing.flatten(pictures["background"].size, [compositing.Layer(pictures[n]) for n in names]))


def differ(first: Image.Image, second: Image.Image) -> bool:
    return first.tobytes() != second.tobytes()


@pytest.mark.parametrize("name", TAKING)
def test_a_subject_looks_at_a_picture(name, models_of, builder):
    """Another picture gives another subject; outside of its mask nothing changes, and twice the same bytes come out."""
    draw_picture(1).save("hero.png")
    draw_picture(2, (300, 30)).save("other.png")  # narrower than pipelines take
    config = describe_scene(models_of(name), width=100, height=70, scale=0.75)
    config["composite"] = {}
    without = dict(builder.build(config)[0])
    seen = []
    for picture in ("hero.png", "other.png"):
        config["subjects"]["astronaut"] |= {"reference": {"image": picture}, "strength": 1.0}
        pictures, reports = builder.build(config)
        assert reports["astronaut"].notes == reports["rover"].notes
        outside = np.asarray(pictures["mask of astronaut"]) == 0
        background = np.asarray(pictures["background"])
        assert (flatten(pictures, ["background", "astronaut"])[outside] == background[outside]).all()
        assert pictures["background"].tobytes() == without["background"].tobytes()
        again, _ = builder.build(config)
        assert not any(differ(again[key], picture) for key, picture in pictures.items())
        seen.append(pictures["astronaut"])
    assert differ(*seen)
    Image.open("other.png").save("hero.png")
    config["subjects"]["astronaut"]["reference"] = {"image": "hero.png"}
    assert not differ(builder.build(config)[0]["astronaut"], seen[1])  # its pixels count, and not its name


@pytest.mark.parametrize("name", TAKING)
def test_a_subject_looks_at_a_layer(name, models_of, builder):
    """Also at one that lies off what it sees of the plate."""
    config = describe_scene(models_of(name))
    config["composite"] = {}
    config["subjects"]["rover"] |= {"context": 4, "strength": 1.0}
    alone = builder.build(config)[0]["rover"]
    for layer in ("astronaut", "fog", "background"):
        config["subjects"]["rover"]["reference"] = {"layer": layer}
        pictures, _ = builder.build(config)
        assert differ(pictures["rover"], alone), layer
    config["subjects"]["rover"]["reference"] = {"layer": "astronaut"}
    before = builder.build(config)[0]["rover"]
    config["subjects"]["astronaut"]["seed"] = 5
    assert differ(builder.build(config)[0]["rover"], before)


@pytest.mark.parametrize("name", TAKING)
def test_every_kind_of_pass_looks_at_a_picture(name, models_of, builder):
    draw_picture(1).save("hero.png")
    draw_picture(3, (96, 64)).save("photo.png")
    config = describe_scene(models_of(name))
    config["subjects"] = {}
    config["composite"] = {"layers": [{"layer": "background"}, {"layer": "fog", "opacity": 0.5}]}
    config["refine"] = {"prompt": "a desert", "steps": 2, "strength": 1.0}
    places = {"background": config["background"], "fog": config["effects"]["fog"], "refined": config["refine"]}
    for layer, described in places.items():
        before = builder.build(config)[0][layer]
        described["reference"] = {"image": "hero.png"}
        assert differ(builder.build(config)[0][layer], before), layer
    config["background"] |= {"image": "photo.png", "strength": 1.0}
    before = builder.build(config)[0]["background"]
    config["background"]["reference"] = None
    assert differ(builder.build(config)[0]["background"], before)


def test_qwen_image_edit_paints_a_background_after_a_picture(models_of, builder):
    draw_picture(1).save("hero.png")
    config = describe_scene(models_of("qwen-edit"))
    config["models"]["edit"] = config["models"]["inpainting"]
    config["subjects"] = config["effects"] = {}
    config["composite"] = {"layers": [{"layer": "background"}]}
    config["background"] |= {"model": "edit", "reference": {"image": "hero.png"}}
    first, _ = builder.build(config)
    first = dict(first)
    assert first["background"].size == (96, 64)
    draw_picture(2).save("hero.png")
    assert differ(builder.build(config)[0]["background"], first["background"])
    del config["background"]["reference"]
    with pytest.raises(StrataError, match="which needs a picture for a layer that is painted"):
        builder.build(config)


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd35", "z-image", "qwen-image", "qwen-edit", "flux-fill"])
def test_a_family_without_references_says_so_before_it_is_loaded(name, models_of, builder):
    draw_picture(1).save("hero.png")
    config = describe_scene(models_of(name))
    config["subjects"]["rover"]["reference"] = {"image": "hero.png"}
    with pytest.raises(
        StrataError, match=r"subjects\.rover is painted by models\.inpainting.* takes no reference"
    ) as refused:
        Scene(config, "config.yaml")
    assert "Flux2Klein, FluxKontext do" in str(refused.value)


def test_a_model_whose_class_was_not_known_says_so_when_it_is_loaded(models_of, builder, monkeypatch):
    draw_picture(1).save("hero.png")
    monkeypatch.setattr("strata.models.reference.find_config", lambda *model: {})
    config = describe_scene(models_of("sd15"))
    config["subjects"]["rover"]["reference"] = {"image": "hero.png"}
    with pytest.raises(
        StrataError, match="is a StableDiffusionInpaintPipeline, which takes no reference for a subject"
    ):
        builder.build(config)
