"""References and ControlNets in a scene: what is wrong is said when it is read."""

import json
from pathlib import Path

import pytest
from PIL import Image

from strata.errors import StrataError
from strata.models import kinds
from strata.scene.layers import Layers
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes

RECTANGLE = {"shapes": [{"shape": "rectangle", "bbox": [10, 10, 60, 60]}]}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("hero.png")
    write_model("klein", "Flux2KleinPipeline")
    write_model("sd", "StableDiffusionPipeline")
    write_model("guide", "ControlNetModel", kinds.CONFIG)


def write_model(folder: str, kind: str, index: str = kinds.INDEX) -> None:
    Path(folder).mkdir()
    Path(folder, index).write_text(json.dumps({"_class_name": kind}))


def describe(**subject) -> dict:
    """A scene on FLUX.2 klein, whose second subject has a few more keys."""
    return {
        "canvas": {"width": 256, "height": 64},
        "models": {
            "text_to_image": {"id": "klein"},
            "inpainting": {"id": "klein"},
            "sd": {"id": "sd"},
            "guide": {"id": "guide"},
        },
        "background": {"prompt": "a desert"},
        "subjects": {
            "astronaut": {"prompt": "an astronaut", "mask": RECTANGLE},
            "rover": {"prompt": "a rover", "mask": RECTANGLE} | subject,
        },
        "effects": {"fog": {"prompt": "fog"}},
    }


CANNY = {"model": "guide", "kind": "canny"}


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ({"reference": {}}, "rover.reference needs either an image or a layer"),
        (
            {"reference": {"image": "hero.png", "layer": "fog"}},
            "needs either an image or a layer (the key `layer`), and not both",
        ),
        ({"reference": {"image": "gone.png"}}, "rover.reference.image is 'gone.png', but there is no such file"),
        ({"reference": {"image": "/etc/hosts"}}, "lies outside the workflow's folder"),
        ({"style": {"weight": 1.0}}, "rover.style needs either an image or a layer (the key `layer`), and not both"),
        ({"style": {"layer": "rover"}}, "rover.style.layer is 'rover', but no layer of that name is painted before"),
        ({"style": {"image": "gone.png"}}, "rover.style.image is 'gone.png', but there is no such file"),
        (
            {"style": {"image": "hero.png"}},
            "a Flux2KleinPipeline, which takes no picture for its `style`: StableDiffusion, ",
        ),
        (
            {"reference": {"layer": "rover"}},
            "no layer of that name is painted before this one. There are: background, fog, astronaut",
        ),
        ({"reference": {"layer": "sun"}}, "rover.reference.layer is 'sun', but no layer"),
        (
            {"reference": {"image": "hero.png"}, "model": "sd"},
            "is painted by models.sd, 'sd', a StableDiffusionPipeline, which takes no",
        ),
        ({"control": CANNY | {"model": "gone"}}, "rover.control.model is 'gone', but models has none of that name"),
        ({"control": CANNY}, "rover.control needs either an image or a layer (the key `of`)"),
        ({"control": CANNY | {"image": "gone.png"}}, "rover.control.image is 'gone.png', but there is no such file"),
        ({"control": CANNY | {"of": "rover"}}, "rover.control.of is 'rover', but no layer"),
        (
            {"control": CANNY | {"of": "fog", "thresholds": [9, 3]}},
            "thresholds are 9 and 3, but the low one comes first",
        ),
        (
            {"control": CANNY | {"kind": "depth", "of": "fog"}},
            "rover.control.of is 'fog', an effect, whose depth cannot",
        ),
        ({"control": CANNY | {"of": "fog", "model": "sd"}}, "models.sd.id is 'sd', but there is no config.json"),
        (
            {"control": CANNY | {"of": "fog"}},
            "a Flux2KleinPipeline, a family for which diffusers has no ControlNets here",
        ),
        (
            {"control": {"model": "guide", "kind": "plate", "of": "fog"}},
            "rover.control.of is 'fog', but of kind plate a ControlNet follows the subject's own plate and mask",
        ),
        (
            {"control": {"model": "guide", "kind": "plate", "image": "hero.png"}},
            "rover.control.image is 'hero.png', but of kind plate a ControlNet",
        ),
        ({"model": "guide"}, "models.guide.id is 'guide', but there is no model_index.json in a folder of that name"),
    ],
    ids=str,
)
def test_what_cannot_be_is_a_sentence(subject, sentence):
    with pytest.raises(StrataError) as refused:
        scene = Scene(describe(**subject), "config.yaml")
        scene.inpaint("rover")
    assert sentence in str(refused.value)
    assert str(refused.value).startswith("config.yaml: ")
    assert str(refused.value).endswith(".")


def test_a_network_that_is_no_controlnet_is_a_sentence():
    write_model("unet", "UNet2DConditionModel", kinds.CONFIG)
    config = describe(control=CANNY | {"of": "fog", "model": "unet"}, model="sd")
    config["models"]["unet"] = {"id": "unet"}
    with pytest.raises(StrataError, match=r"config.json names UNet2DConditionModel: it is no ControlNet of diffusers"):
        Scene(config, "config.yaml")


@pytest.mark.parametrize(
    ("place", "layers"),
    [
        ("background", []),
        ("effects.fog", ["background"]),
        ("subjects.astronaut", ["background", "fog"]),
        ("subjects.rover", ["background", "fog", "astronaut"]),
        ("refine", ["background", "fog", "astronaut", "rover"]),
    ],
)
def test_a_pass_looks_at_what_is_painted_before(place, layers):
    for layer in ("background", "fog", "astronaut", "rover"):
        config = describe()
        config["refine"] = {"prompt": "a desert"}
        *above, name = place.split(".")
        described = (config[above[0]] if above else config)[name]
        described["reference"] = {"layer": layer}
        if layer in layers:
            Scene(config, "config.yaml")
        else:
            with pytest.raises(StrataError, match="is painted before this one"):
                Scene(config, "config.yaml")


def test_a_layer_is_made_from_what_it_looks_at():
    config = describe(reference={"layer": "astronaut"}, context=0)
    config["subjects"]["rover"]["mask"] = {"shapes": [{"shape": "rectangle", "bbox": [200, 20, 240, 60]}], "feather": 0}
    layers = Layers(Scenes(config))
    rover = layers.find("subjects/rover.png")
    assert (rover.sees, rover.own_files) == (("background.png",), ())
    assert rover.inputs == ("background.png", "masks/rover.png", "subjects/astronaut.png")
    config["subjects"]["rover"]["reference"] = {"image": "hero.png"}
    assert Layers(Scenes(config)).find("subjects/rover.png").own_files == ("hero.png",)
    # A layer that is a picture of one's own looks at nothing.
    config["subjects"]["rover"] |= {"image": "hero.png", "prompt": None}
    assert Layers(Scenes(config)).find("subjects/rover.png").guides == ()


def test_a_layer_in_a_variation_lives_where_what_it_looks_at_does():
    config = describe(reference={"layer": "astronaut"}, context=0)
    config["subjects"]["rover"]["mask"] = {"shapes": [{"shape": "rectangle", "bbox": [200, 20, 240, 60]}], "feather": 0}
    layers = Layers(Scenes(config))
    assert "astronaut.seed~5/subjects/rover.png" in layers.find("astronaut.seed~5/final.png").sees
    config["subjects"]["rover"]["reference"] = None
    assert "subjects/rover.png" in Layers(Scenes(config)).find("astronaut.seed~5/final.png").sees


@pytest.mark.parametrize("place", ["background", "effects.fog", "refine"])
def test_only_a_subject_has_a_plate_to_follow(place):
    config = describe() | {"refine": {"prompt": "a desert"}}
    *above, name = place.split(".")
    (config[above[0]] if above else config)[name]["control"] = {"model": "guide", "kind": "plate"}
    with pytest.raises(StrataError, match=f"{place}.control.kind is plate, but only a subject has a plate"):
        Scene(config, "config.yaml")


def test_a_subject_that_follows_its_plate_looks_at_no_other_picture():
    scene = Scene(describe(model="sd", control={"model": "guide", "kind": "plate"}), "config.yaml")
    spec = scene.inpaint("rover")
    assert spec["control"]["kind"] == "plate"
    assert spec["control_picture"] is None
    assert scene.guides("rover") == []


def test_a_controlnet_on_the_hub_is_fetched_with_the_models():
    config = describe(control=CANNY | {"of": "fog"}, model="sd")
    config["models"]["guide"] = {"id": "someone/controlnet", "variant": "fp16"}
    config["models"]["unused"] = {"id": "someone/else"}
    (found,) = Scene(config, "config.yaml").hub_models()
    assert found == {
        "id": "someone/controlnet",
        "revision": None,
        "variant": "fp16",
        "where": "config.yaml: models.guide",
        "index": "config.json",
    }


def test_where_a_picture_comes_from_does_not_count_for_the_store():
    from strata.painting.store import make_key

    def key(**values) -> str:
        return make_key(Scene(describe(model="sd", **values), "config.yaml").inpaint("rover"), b"pixels")

    control, plate = CANNY | {"image": "hero.png"}, {"model": "guide", "kind": "plate"}
    assert key(control=control) == key(control=CANNY | {"of": "fog"})
    others = [control | {"scale": 0.5}, control | {"mode": 1}, plate, plate | {"scale": 0.5}]
    assert len({key(), key(control=control), *(key(control=other) for other in others)}) == 6
