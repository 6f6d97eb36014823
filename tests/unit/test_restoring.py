"""What to write so that the config beneath becomes another scene."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.errors import StrataError
from strata.exports import restoring
from strata.exports.reading import Found
from strata.scene.scene import Scene
from strata.yaml_files import merge

keys = st.sampled_from("abc")
trees = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2), lambda inner: st.dictionaries(keys, inner)
)


@given(base=st.dictionaries(keys, trees), target=st.dictionaries(keys, trees))
def test_the_difference_laid_over_the_base_is_the_target(base, target):
    assert merge(base, restoring.find_difference(base, target)) == target
    assert restoring.find_difference(target, target) == {}


def effective(config: dict) -> dict:
    return Scene(config, "a test").effective()


def edited(config: dict, edit) -> dict:
    other = copy.deepcopy(config)
    edit(other)
    return other


@pytest.mark.parametrize(
    "edit",
    [
        lambda config: config["background"].update(seed=5),
        lambda config: config["subjects"].pop("rover") and config["composite"]["layers"].pop(2),
        lambda config: config["subjects"].update(robot=config["subjects"]["rover"]),
        lambda config: config["composite"].pop("layers"),
        lambda config: config.pop("composite"),
        lambda config: config["subjects"]["rover"]["mask"].update(
            shapes=[{"shape": "ellipse", "bbox": [9, 9, 40, 50]}]
        ),
        lambda config: config.update(canvas={"width": 128, "height": 64, "scale": 0.75}),
        lambda config: config.pop("effects") and config["composite"]["layers"].pop(),
    ],
)
def test_a_scene_comes_back_over_another_config(config, edit):
    for base, target in ((config, edited(config, edit)), (edited(config, edit), config)):
        wanted = effective(target)
        change = restoring.find_change(base, wanted, "a picture")
        assert effective(merge(base, change)) == wanted
        assert len(str(change)) < len(str(wanted)) / 2


def test_another_order_of_subjects_is_a_sentence(config):
    other = edited(config, lambda config: config.update(subjects=dict(reversed(config["subjects"].items()))))
    with pytest.raises(StrataError, match=r"^a picture paints its subjects in another order .*rover, astronaut"):
        restoring.find_change(config, effective(other), "a picture")


def test_a_model_of_the_hub_is_held_at_its_commit(config):
    config["models"]["text_to_image"] = {"id": "someone/model"}
    commit = "4" * 40
    layers = {"background": {"pass": {"model": {"id": "someone/model", "revision": commit}}}}
    scene = restoring.adapt(Found({**effective(config), "preset": None, "exports": []}, layers), effective(config))
    assert scene.keys() == effective(config).keys()
    assert scene["models"]["text_to_image"]["revision"] == commit
    assert scene["models"]["inpainting"]["revision"] is None


def test_a_scene_of_another_program_gets_the_models_of_the_config(config):
    foreign = {"background": {"prompt": "a lighthouse"}, "subjects": {}, "effects": {}}
    scene = restoring.adapt(Found(effective(foreign), foreign=True), effective(config))
    assert scene["models"] == effective(config)["models"]
    change = restoring.find_change(config, scene, "a picture")
    assert change["subjects"] == {"astronaut": None, "rover": None}
    assert "models" not in change


def test_what_has_changed_since_is_said(config):
    scene = Scene(config, "a test")
    painted = scene.background()
    layers = {
        "background": {
            "pass": {**painted, "model": {**painted["model"], "fingerprint": "other"}},
            "made_by": {"torch": "1"},
        },
        "astronaut": {"pass": {**scene.inpaint("astronaut"), "code": "other"}},
        "rover": {"retouched": True},
        "unknown": {"pass": {"model": {}}},
    }
    said = "\n".join(restoring.find_changes_since(Found(scene.effective(), layers), scene))
    assert "background was painted with" in said
    assert "at other, and here it is at" in said
    assert "background was painted with torch 1, and here it is" in said
    assert "astronaut was painted by other code" in said
    assert "rover was retouched by hand" in said
    assert "unknown" not in said
