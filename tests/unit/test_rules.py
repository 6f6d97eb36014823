"""What the Snakefile asks: params, inputs and resources by wildcards, and sentences instead of tracebacks."""

import inspect
import re
from types import SimpleNamespace

import pytest

from strata.runtime import Runtime
from strata.workflow.marks import Marks, marked
from strata.workflow.rules import SceneRules


@pytest.fixture
def rules(config) -> SceneRules:
    return SceneRules(config, Marks())


def asked(scene="", **names) -> SimpleNamespace:
    """The wildcards of a job."""
    return SimpleNamespace(scene=scene, **names)


def test_every_scene_has_a_final_picture(config, tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("subjects: {rover: null}\ncomposite: null\n")
    rules = SceneRules(config, Marks())
    assert rules.pictures() == ["results/final.png", "results/night/final.png"]
    assert rules.stack(asked("night/")) == [
        "results/night/background.png",
        "results/night/subjects/astronaut.png",
        "results/night/effects/fog.png",
    ]


def test_a_subject_reads_the_layers_beneath_it(rules):
    assert rules.plate(asked(subject="astronaut")) == ["results/background.png"]
    assert rules.plate(asked(subject="rover")) == ["results/background.png", "results/subjects/astronaut.png"]


def test_a_layer_that_stands_twice_in_the_stack_is_read_twice(config):
    config["composite"]["layers"].append({"layer": "fog", "position": [9, 0]})
    stack = SceneRules(config, Marks()).stack(asked())
    assert stack.count("results/effects/fog.png") == 2


def test_an_effect_from_an_image_takes_no_device(config, tmp_path):
    (tmp_path / "mist.png").touch()
    config["effects"]["mist"] = {"image": "mist.png"}
    rules = SceneRules(config, Marks())
    assert [rules.effect_gpu(asked(effect=name)) for name in ("mist", "fog")] == [0, 1]
    assert [rules.effect_image(asked(effect=name)) for name in ("mist", "fog")] == [["mist.png"], []]


@pytest.mark.parametrize(("method", "devices"), [("lanczos", 0), ("network", 1), ("diffusion", 1)])
def test_only_a_model_takes_a_device_to_enlarge(config, method, devices):
    rules = SceneRules(config | {"upscale": {"method": method}}, Marks())
    assert rules.upscale_gpu(asked(factor="2")) == devices


def test_a_mask_from_an_image_reads_that_file(config, tmp_path):
    (tmp_path / "shape.png").touch()
    config["subjects"]["rover"]["mask"] = {"image": "shape.png"}
    rules = SceneRules(config, Marks())
    assert rules.mask_image(asked(subject="rover")) == ["shape.png"]
    assert rules.mask_image(asked(subject="astronaut")) == []


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda rules: rules.background(asked("night/")), r"^There is no scene night: scenes/night\.yaml is missing"),
        (
            lambda rules: rules.subject(asked(subject="dragon")),
            r"^config\.yaml: subjects has no dragon\. There are: ast",
        ),
        (lambda rules: rules.effect(asked(effect="rain")), r"^config\.yaml: effects has no rain\. There are: fog"),
        (lambda rules: rules.sweep(asked(sweep="seeds")), r"sweeps have no seeds"),
    ],
)
def test_what_is_not_there_ends_snakemake_with_a_sentence(rules, ask, said):
    with pytest.raises(SystemExit, match=said):
        ask(rules)


def test_snakemake_sees_functions_of_wildcards(rules):
    for function in (rules.background, rules.stack, rules.effect_gpu):
        assert list(inspect.signature(function).parameters) == ["wildcards"]


def test_params_are_plain_values(rules):
    """Snakemake records params by their repr, and does so for plain types alone."""

    def plain(value) -> bool:
        if isinstance(value, dict):
            return type(value) is dict and all(map(plain, value)) and all(map(plain, value.values()))
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    named = asked(subject="rover", effect="fog", factor="2")
    for params in (
        rules.background,
        rules.subject,
        rules.effect,
        rules.mask,
        rules.composite,
        rules.effective,
        rules.upscale,
        rules.hub_models,
    ):
        assert plain(params(named)), params


def test_how_jobs_run_is_recorded_by_no_rule(rules):
    """Snakemake records no object of a class that it does not know, so that an edit of it repaints nothing."""
    assert isinstance(rules.runtime, Runtime)


def test_a_layer_whose_job_failed_has_other_params(rules, config):
    layers = {
        "scene.yaml": rules.effective,
        "masks/rover.png": rules.mask,
        "background.png": rules.background,
        "subjects/rover.png": rules.subject,
        "effects/fog.png": rules.effect,
        "final.png": rules.composite,
        "final@2x.png": rules.upscale,
    }
    named = asked(subject="rover", effect="fog", factor="2")
    for layer, params in layers.items():
        assert params(named)["mark"] == ""
        with pytest.raises(KeyboardInterrupt), marked(f"results/{layer}", ""):
            raise KeyboardInterrupt
        assert params(named)["mark"] != "", layer


def test_the_marks_of_a_module_are_those_of_its_own_layers(config):
    with pytest.raises(KeyboardInterrupt), marked("results/background.png", ""):
        raise KeyboardInterrupt
    assert SceneRules(config, Marks(), "desert/results/").background(asked())["mark"] == ""


@pytest.mark.parametrize(
    ("folder", "fits"),
    [
        ("", True),
        ("night/", True),
        ("background.seed~78/", True),
        ("night/background.seed~78,fog.opacity~0.5/", True),
        ("a~1/b~2/", False),
        ("masks/", False),
        ("sweeps/", False),
        ("night/subjects/", False),
        ("a/b/", False),
    ],
)
def test_a_scenes_folder_is_a_scene_and_a_variation(folder, fits):
    assert bool(re.fullmatch(SceneRules.wildcard, folder)) == fits
