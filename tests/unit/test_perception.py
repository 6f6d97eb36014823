"""What models are to see in a scene's layers, and what is refused beforehand."""

import pytest

from strata.errors import StrataError
from strata.scene.scene import Scene


def by_words(config: dict, **mask) -> Scene:
    config["subjects"]["rover"]["mask"] = {"text": "a rock", **mask}
    return Scene(config, "config.yaml")


def test_the_background_is_looked_at_or_the_picture_as_far_as_a_subject(config):
    config["subjects"]["door"] = config["subjects"]["rover"] | {"mask": {"text": "a door", "of": "rover"}}
    assert by_words(config).perception.text_mask("rover")["plate"] == ["background"]
    scene = by_words(config, of="astronaut")
    assert scene.perception.text_mask("rover")["plate"] == ["background", "astronaut"]
    assert scene.perception.text_mask("door")["plate"] == ["background", "astronaut", "rover"]


def test_only_models_that_are_needed_are_fetched(config):
    assert Scene(config, "config.yaml").hub_models() == []
    (found,) = by_words(config).hub_models()
    assert (found["id"], found["index"]) == ("CIDAS/clipseg-rd64-refined", "config.json")
    both = by_words(config, edge="box_to_mask").hub_models()
    assert [model["id"] for model in both] == ["CIDAS/clipseg-rd64-refined", "facebook/sam2.1-hiera-tiny"]


def test_the_depth_that_a_controlnet_follows_is_estimated_by_a_model_to_be_fetched(config):
    config["models"]["guide"] = {"id": "tiny/controlnet"}
    config["subjects"]["rover"]["control"] = {"model": "guide", "kind": "depth", "of": "background"}
    assert "depth-anything/Depth-Anything-V2-Small-hf" in [
        model["id"] for model in Scene(config, "config.yaml").hub_models()
    ]


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (
            {"of": "rover"},
            "mask.of is 'rover', its own subject, which is painted into the mask. A text can be looked for",
        ),
        ({"of": "door"}, "mask.of is 'door', which is painted later and sees this one"),
        ({"of": "fog"}, "mask.of is 'fog', an effect, which lies in no picture that a subject sees"),
        (
            {"of": "moon"},
            "mask.of is 'moon', but no layer has that name. A text can be looked for in: background, astro",
        ),
        (
            {"model": "finder"},
            "subjects.rover.mask.model is 'finder', but models has none of that name. There are: text_",
        ),
        ({"edge": "finder"}, "subjects.rover.mask.edge is 'finder', but models has none of that name"),
        (
            {"model": "inpainting"},
            "models.inpainting.id is '{inpainting}', but there is no config.json in a folder of that",
        ),
        (
            {"text": None, "shapes": [{"shape": "ellipse", "bbox": [0, 0, 50, 50]}], "edge": "box_to_mask"},
            "there is no text",
        ),
    ],
)
def test_what_cannot_be_looked_for_is_refused(config, mask, said):
    config["subjects"]["door"] = config["subjects"]["rover"] | {}
    with pytest.raises(StrataError) as error:
        by_words(config, **mask).perception.text_mask("rover")
    assert said.format(inpainting=config["models"]["inpainting"]["id"]) in str(error.value)


def test_the_depth_of_the_picture_as_far_as_a_layer_is_estimated(config):
    perception = Scene(config, "config.yaml").perception
    assert perception.depth("background")["plate"] == ["background"]
    assert perception.depth("rover")["plate"] == ["background", "astronaut", "rover"]
    with pytest.raises(
        StrataError, match=r"the depth of fog cannot be estimated\. That can be of: background, astronaut"
    ):
        perception.depth("fog")


@pytest.mark.parametrize(
    ("depth", "said"),
    [
        ({}, "depth needs either an image, a depth picture of your own, or `of`"),
        ({"image": "own.png", "near": "white", "of": "background"}, "depth needs either an image"),
        ({"image": "own.png"}, "depth.near is missing: say whether near things are white or black in own.png"),
        (
            {"image": "own.png", "near": "white", "model": "depth"},
            "depth.model is 'depth', but the depth is that of an",
        ),
        ({"of": "background", "near": "white"}, "depth.near is white, but it says what is near in an image"),
        (
            {"of": "fog"},
            "depth.of is 'fog', whose depth cannot be estimated. Name one of: background, astronaut, rover",
        ),
        ({"of": "background", "model": "own"}, "depth.model is 'own', but models has none of that name"),
    ],
)
def test_a_depth_that_is_neither_is_refused(config, tmp_path, depth, said):
    (tmp_path / "own.png").touch()
    with pytest.raises(StrataError) as error:
        Scene(config | {"depth": depth}, "config.yaml")
    assert said in str(error.value)


def test_an_estimate_is_a_part_of_what_follows_it(config):
    config |= {"depth": {"of": "background"}, "refine": {"prompt": "a desert", "steps": 10}}
    assert Scene(config, "config.yaml").followed_depth() is None
    config["composite"]["layers"][3]["depth"] = {}
    scene = Scene(config, "config.yaml")
    assert scene.followed_depth() == "background"
    assert scene.refine()["depth"]["image"] == "depth/background.png"
    assert [model["id"] for model in scene.hub_models()] == ["depth-anything/Depth-Anything-V2-Small-hf"]


def test_a_check_looks_for_the_prompt_in_what_the_pass_saw(config):
    rover = config["subjects"]["rover"]
    rover |= {"check": {}, "context": 16}
    spec = Scene(config, "config.yaml").check("rover")
    assert (spec["text"], spec["plate"], spec["context"]) == (rover["prompt"], ["background", "astronaut", "rover"], 16)
    rover["check"] = {"text": "wheels"}
    assert Scene(config, "config.yaml").check("rover")["text"] == "wheels"


def test_a_check_without_retries_is_no_part_of_the_pass(config):
    plain = Scene(config, "config.yaml").inpaint("rover")
    config["subjects"]["rover"]["check"] = {"threshold": 0.5}
    assert Scene(config, "config.yaml").inpaint("rover") == plain
    config["subjects"]["rover"]["check"]["retries"] = 2
    assert Scene(config, "config.yaml").inpaint("rover")["check"]["threshold"] == 0.5


def test_checks_that_mean_nothing_are_refused(config, tmp_path):
    (tmp_path / "own.png").touch()
    config["subjects"]["robot"] = {"image": "own.png", "check": {}}
    with pytest.raises(
        StrataError, match=r"subjects\.robot\.check looks whether a prompt was painted, but the subject is"
    ):
        Scene(config, "config.yaml")
    config["subjects"]["robot"] = config["subjects"]["rover"] | {"check": {"model": "x"}}
    with pytest.raises(StrataError, match=r"subjects\.robot\.check\.model is 'x', but models has none of that name"):
        Scene(config, "config.yaml")
    with pytest.raises(StrataError, match=r"subjects\.rover has no check"):
        del config["subjects"]["robot"]
        Scene(config, "config.yaml").check("rover")


def test_a_pass_cannot_be_painted_by_a_model_that_looks(config, vision_models):
    config["models"]["finder"] = {"id": str(vision_models / "clipseg")}
    config["subjects"]["rover"]["model"] = "finder"
    with pytest.raises(StrataError, match=r"models\.finder\.id is .*, but there is no model_index\.json in a folder"):
        Scene(config, "config.yaml").inpaint("rover")


def test_what_a_text_names_may_reach_anywhere(config):
    """Nobody knows before it is found: a later subject with a margin sees it."""
    config["subjects"]["rover"]["context"] = 4
    first = {"prompt": "moss", "mask": {"text": "a rock"}}
    config["subjects"] = {"moss": first, "rover": config["subjects"]["rover"]}
    config["composite"] = {}
    assert Scene(config, "config.yaml").plate("rover") == ["background", "moss"]
