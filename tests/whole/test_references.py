"""The same astronaut in several scenes: pictures that passes look at, in the families that take them."""

import json
from pathlib import Path

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
    draw_picture(3, (96, 64)).save("photo.png")
    config = describe_scene(models_of(name), width=100, height=70, scale=0.75)
    config["background"] = {"image": "photo.png"}
    config["effects"], config["composite"] = {}, {}
    config["subjects"]["astronaut"]["strength"] = 1.0
    without, _ = builder.build(config)
    seen = []
    for picture in ("hero.png", "other.png"):
        config["subjects"]["astronaut"]["reference"] = {"image": picture}
        pictures, reports = builder.build(config)
        assert reports["astronaut"].notes == reports["rover"].notes
        outside = np.asarray(pictures["mask of astronaut"]) == 0
        background = np.asarray(pictures["background"])
        assert (flatten(pictures, ["background", "astronaut"])[outside] == background[outside]).all()
        seen.append(pictures["astronaut"])
    assert differ(*seen)
    Image.open("other.png").save("hero.png")
    config["subjects"]["astronaut"]["reference"] = {"image": "hero.png"}
    again, _ = builder.build(config)  # its pixels count, and not its name
    assert not any(differ(again[key], picture) for key, picture in pictures.items())
    del config["subjects"]["astronaut"]["reference"]
    after, _ = builder.build(config)
    assert not any(differ(after[key], picture) for key, picture in without.items())


@pytest.mark.parametrize("name", TAKING)
def test_a_subject_looks_at_a_layer(name, models_of, builder):
    """Also at one that lies off what it sees of the plate."""
    draw_picture(3, (96, 64)).save("photo.png")
    config = describe_scene(models_of(name))
    config["background"], config["composite"] = {"image": "photo.png"}, {}
    config["subjects"]["rover"] |= {"context": 4, "strength": 1.0}
    alone = builder.build(config)[0]["rover"]
    for layer in ("fog", "background", "astronaut"):
        config["subjects"]["rover"]["reference"] = {"layer": layer}
        before = builder.build(config)[0]["rover"]
        assert differ(before, alone), layer
    config["subjects"]["astronaut"]["seed"] = 5
    assert differ(builder.build(config)[0]["rover"], before)


@pytest.mark.parametrize("name", TAKING)
def test_a_reference_has_a_weight(name, models_of, builder):
    """It is as it was without one at 1, hidden at 0, and in between and beyond something else; what comes next has none left."""
    draw_picture(1).save("hero.png")
    draw_picture(2).save("other.png")
    draw_picture(3, (96, 64)).save("photo.png")
    config = describe_scene(models_of(name))
    config["background"], config["effects"], config["composite"] = {"image": "photo.png"}, {}, {}
    astronaut = config["subjects"]["astronaut"]
    astronaut["strength"] = 1.0

    def paint(picture: str, **weight: float) -> bytes:
        astronaut["reference"] = {"image": picture} | weight
        return builder.build(config)[0]["astronaut"].tobytes()

    plain = paint("hero.png")
    by_weight = {weight: paint("hero.png", weight=weight) for weight in (0, 0.5, 1, 2)}
    assert by_weight[1] == plain
    assert len(set(by_weight.values())) == 4
    assert paint("other.png", weight=0) == by_weight[0]
    assert paint("other.png", weight=2) != by_weight[2]
    assert paint("hero.png") == plain


def test_a_weight_for_a_reference_that_is_part_of_the_prompt_is_refused(models_of, builder):
    draw_picture(1).save("hero.png")
    config = describe_scene(models_of("qwen-edit"))
    config["models"]["edit"] = config["models"]["inpainting"]
    config["background"] |= {"model": "edit", "reference": {"image": "hero.png", "weight": 0.5}}
    with pytest.raises(
        StrataError, match=r"background is painted by models\.edit.*, without a weight: Flux2Klein, Flux"
    ):
        Scene(config, "config.yaml")


@pytest.mark.parametrize("name", TAKING)
@pytest.mark.parametrize("layer", ["background", "background from a picture", "fog", "refined"])
def test_every_kind_of_pass_looks_at_a_picture(layer, name, models_of, builder):
    draw_picture(1).save("hero.png")
    draw_picture(3, (96, 64)).save("photo.png")
    config = describe_scene(models_of(name))
    background, fog, photo = config["background"], config["effects"]["fog"], {"image": "photo.png"}
    config["subjects"], config["effects"], config["composite"] = {}, {}, {}
    if layer == "background":
        described = background
    elif layer == "background from a picture":
        described = config["background"] = background | photo | {"strength": 1.0}
    elif layer == "fog":
        config["background"], config["effects"]["fog"] = photo, fog
        described = fog
    else:
        config["background"] = photo
        described = config["refine"] = {"prompt": "a desert", "steps": 2, "strength": 1.0}
    found = layer.partition(" ")[0]
    before = builder.build(config)[0][found]
    described["reference"] = {"image": "hero.png"}
    assert differ(builder.build(config)[0][found], before)


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


WITHOUT = (
    "StableDiffusionInpaintPipeline",
    "StableDiffusionXLInpaintPipeline",
    "StableDiffusion3Pipeline",
    "ZImagePipeline",
    "QwenImagePipeline",
    "QwenImageEditInpaintPipeline",
    "FluxFillPipeline",
)


@pytest.mark.parametrize("kind", WITHOUT)
def test_a_family_without_references_says_so_before_it_is_loaded(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw_picture(1).save("hero.png")
    Path("model").mkdir()
    Path("model/model_index.json").write_text(json.dumps({"_class_name": kind}))
    config = describe_scene({task: Path("model") for task in ("text_to_image", "inpainting")})
    config["background"] = {"image": "hero.png"}
    config["effects"], config["composite"] = {}, {}
    config["subjects"]["rover"]["reference"] = {"image": "hero.png"}
    with pytest.raises(
        StrataError, match=rf"subjects\.rover is painted by models\.inpainting.* a {kind}, which takes no reference"
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
