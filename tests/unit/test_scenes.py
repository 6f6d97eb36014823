"""All scenes of a working directory: the config, the files in scenes/, presets, and what was left under results/."""

import pytest
import yaml

from strata.errors import StrataError
from strata.runtime import Runtime
from strata.scene.scenes import PRESETS, Scenes, apply_preset


def test_a_scene_file_holds_what_differs(config, describe):
    describe("night", "background: {prompt: a night}\nsubjects: {rover: null}\ncomposite: null\n")
    scenes = Scenes(config)
    assert scenes.folders() == ["", "night/"]
    night = scenes.find("night/")
    assert (night.background()["prompt"], night.background()["seed"]) == ("a night", 77)
    assert scenes.find("").background()["prompt"] == "a desert"
    assert [entry["layer"] for entry in night.stack] == ["background", "astronaut", "fog"]


def test_a_scene_that_is_not_there_is_named(config, describe):
    with pytest.raises(StrataError, match=r"There is no scene night: scenes/night\.yaml is missing.*: none\.$"):
        Scenes(config).find("night/")
    describe("noon", "background: {seed: 1}\n")
    with pytest.raises(StrataError, match=r"There is no scene night: .*: noon\.$"):
        Scenes(config).find("night/")


@pytest.mark.parametrize("name", ["found", "depth", "checks", "masks", "subjects", "effects", "sweeps", "a~b"])
def test_a_scene_whose_results_would_lie_among_others_is_refused(config, describe, name):
    describe(name, "background: {seed: 1}\n")
    with pytest.raises(
        StrataError, match=rf"^scenes/{name}\.yaml cannot be a scene: results/{name}/ holds something else"
    ):
        Scenes(config).folders()


def test_files_that_begin_with_a_dot_are_no_scenes(config, describe):
    """Editors and systems leave them there."""
    describe(".night", "background: {seed: 1}\n")
    assert Scenes(config).folders() == [""]


def test_a_scene_with_a_mistake_is_named(config, describe):
    describe("night", "background: {promt: a night}\n")
    with pytest.raises(StrataError, match=r"^scenes/night\.yaml: background\.promt is not a key"):
        Scenes(config).find("night/")


def test_a_page_compares_its_scene_with_others_that_exist(config, describe):
    describe("night", "background: {prompt: a night}\ncompare: [., night/fog.opacity~0.5]\n")
    scenes = Scenes(config | {"compare": ["night", "background.seed~78"]})
    assert scenes.compared("") == ["night/", "background.seed~78/"]
    assert scenes.compared("background.seed~78/") == ["night/"]  # not with itself
    assert scenes.compared("night/") == ["", "night/fog.opacity~0.5/"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("dusk", r"There is no scene dusk: .*"),
        ("fog.opacty~1", r".* no key .*"),
        ("../night", r"It must be a folder under results/, such as .*"),
        ("a/b/c", r"It must be a folder under results/, such as .*"),
        ("background.seed~x", r".*"),
    ],
)
def test_a_page_that_compares_with_no_scene_is_refused(config, name, sentence):
    with pytest.raises(StrataError, match=rf"^config\.yaml: compare\[0\] is '{name}'\. {sentence}$"):
        Scenes(config | {"compare": [name]}).compared("")


def test_a_sweep_that_is_not_there_is_named(config):
    with pytest.raises(StrataError, match=r"sweeps has no rain\. There are: none\."):
        Scenes(config).find_sweep("rain")
    sweeps = {"seeds": {"keys": {"background.seed": [1]}}}
    with pytest.raises(StrataError, match=r"sweeps has no rain\. There are: seeds\."):
        Scenes(config | {"sweeps": sweeps}).find_sweep("rain")


def test_the_runtime_is_complete_and_no_mapping(config):
    runtime = Scenes(config | {"runtime": {"threads": 3, "store": {"limit_gb": 2}}}).runtime
    assert isinstance(runtime, Runtime)
    assert (runtime.threads, runtime.store.limit_gb, runtime.worker.enabled) == (3, 2.0, True)


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("runtime", {"worker": {"idle_seconds": float("nan")}}, "config.yaml: runtime.worker.idle_seconds is nan"),
        ("runtime", {"store": {"limit_gb": float("inf")}}, "config.yaml: runtime.store.limit_gb is inf"),
        ("runtime", {"thread": 1}, "config.yaml: runtime.thread is not a key"),
        ("sweeps", {"a": {"keys": {"background.seed": [1, float("nan")]}}}, "a.keys.background.seed[1] is nan"),
        ("sweeps", {"a": {"keys": {"b": {"from": float("-inf"), "to": 1}}}}, "a.keys.b.from is -inf"),
        ("sweeps", {"a": {"keys": {"b.c": [1]}, "width": float("inf")}}, "config.yaml: sweeps.a.width is inf"),
    ],
)
def test_a_wrong_setting_is_named_with_its_key(config, section, change, said):
    with pytest.raises(StrataError) as error:
        Scenes(config | {section: change})
    assert said in str(error.value)


# Presets


def test_a_preset_lies_beneath_what_a_scene_says_itself():
    described = {"preset": "sd15", "background": {"prompt": "x"}, "canvas": {"width": 512}}
    preset = yaml.safe_load((PRESETS / "sd15.yaml").read_text())
    assert apply_preset(described, "config.yaml") == {
        **described,
        "models": preset["models"],
        "canvas": {**preset["canvas"], "width": 512},
    }
    own = {"text_to_image": {"id": "someone/something"}}
    assert apply_preset(described | {"models": own}, "config.yaml")["models"] == preset["models"] | {
        "text_to_image": preset["models"]["text_to_image"] | own["text_to_image"]
    }


@pytest.mark.parametrize("described", [{}, {"preset": None}, {"background": {"prompt": "x"}}])
def test_without_a_preset_a_scene_is_what_it_says(described):
    assert apply_preset(described, "config.yaml") is described


def test_an_unknown_preset_is_a_sentence(config, describe):
    said = r"config\.yaml: preset is 'sd16', but there is no such file in .*/models\. There are: .*\bsd15\b"
    with pytest.raises(StrataError, match=f"^{said}"):
        Scenes(config | {"preset": "sd16"})
    describe("night", "preset: ../secrets\n")
    with pytest.raises(StrataError, match=r"^scenes/night\.yaml: preset is '\.\./secrets', but"):
        Scenes(config).find("night/")


def test_a_preset_is_in_effect_in_its_scene_and_in_the_variations_of_it(config):
    del config["models"], config["canvas"]
    scenes = Scenes(config | {"preset": "sd15"})
    for folder in ("", "background.seed~5/"):
        model = scenes.find(folder).description["models"]["text_to_image"]
        assert (model["id"], model["variant"]) == ("stable-diffusion-v1-5/stable-diffusion-v1-5", "fp16")
        assert "preset" not in scenes.find(folder).effective()


@pytest.mark.parametrize(
    ("described", "key"),
    [
        ("background: {prompt: a meadow, clouds, seed: 3}\n", "background.clouds"),
        ("subjects: {rovr: null}\n", "subjects.rovr"),
        ("subject: null\n", "subject"),
        ("composite: {finish: {contrst: null}}\n", "composite.finish.contrst"),
    ],
)
def test_a_null_that_takes_nothing_away_is_refused(config, describe, described, key):
    describe("night", described)
    with pytest.raises(StrataError, match=rf"^scenes/night\.yaml: {key} is null, .* there is no such key"):
        Scenes(config).find("night/")


def test_a_null_may_take_away_what_only_the_defaults_give(config, describe):
    describe("night", "canvas: {scale: null}\nbackground: {prompt: a night, negative_prompt: null}\n")
    assert Scenes(config).find("night/").canvas["scale"] == 1.0


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("results/final.png", "is a result of builds and may depend on itself"),
        ("scenes/../results/final.png", "is a result of builds and may depend on itself"),
        ("b{1}.png", "takes no braces"),
        ("a//b.png", "no double slashes"),
        ("../a.png", "lies outside the workflow's folder"),
        ("a\0b.png", "there is no such file"),
    ],
)
def test_an_image_that_cannot_be_an_input_is_refused(config, tmp_path, image, said):
    (tmp_path / "results").mkdir()
    (tmp_path / "scenes").mkdir()
    (tmp_path / "results/final.png").touch()
    config["effects"]["fog"] = {"image": image}
    with pytest.raises(StrataError, match=said):
        Scenes(config).find("")
