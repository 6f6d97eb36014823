"""What the Snakefile asks: params, inputs and resources by wildcards, and sentences instead of tracebacks."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.common import get_function_params
from snakemake.io import AnnotatedString, is_flagged

from strata.fingerprints import digest_file
from strata.runtime import Runtime
from strata.state import CHANGED
from strata.workflow import records
from strata.workflow.records import Comparison
from strata.workflow.rules import SceneRules


@pytest.fixture
def rules(config) -> SceneRules:
    return SceneRules(config, Comparison())


def asked(scene="", **names) -> SimpleNamespace:
    """The wildcards of a job."""
    return SimpleNamespace(scene=scene, **names)


def image(rules: SceneRules, rule: str, **names) -> list[str] | None:
    """The image of the user's that a layer is made of, if it is made of one."""
    return rules.inputs(rule)(asked(**names)).get("image")


def test_every_scene_has_a_final_picture(config, tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("subjects: {rover: null}\ncomposite: null\n")
    rules = SceneRules(config, Comparison())
    assert rules.pictures() == ["results/final.png", "results/night/final.png"]
    assert rules.inputs("composite")(asked("night/"))["stack"] == [
        "results/night/background.png",
        "results/night/subjects/astronaut.png",
        "results/night/effects/fog.png",
    ]


def test_a_subject_reads_the_layers_beneath_it(rules):
    assert rules.inputs("subject")(asked(subject="astronaut"))["plate"] == ["results/background.png"]
    assert rules.inputs("subject")(asked(subject="rover"))["plate"] == [
        "results/background.png",
        "results/subjects/astronaut.png",
    ]


def test_a_layer_that_stands_twice_in_the_stack_is_read_twice(config):
    config["composite"]["layers"].append({"layer": "fog", "position": [9, 0]})
    stack = SceneRules(config, Comparison()).inputs("composite")(asked())["stack"]
    assert stack.count("results/effects/fog.png") == 2


def test_an_effect_from_an_image_takes_no_device(config, tmp_path):
    (tmp_path / "mist.png").touch()
    config["effects"]["mist"] = {"image": "mist.png"}
    rules = SceneRules(config, Comparison())
    assert [rules.gpu(asked(effect=name)) for name in ("mist", "fog")] == [0, 1]
    assert [image(rules, "effect", effect=name) for name in ("mist", "fog")] == [["mist.png"], None]


def test_a_background_that_is_an_image_takes_no_device(config, tmp_path):
    (tmp_path / "desert.png").touch()
    rules = SceneRules(config, Comparison())
    assert (rules.gpu(asked()), image(rules, "background")) == (1, None)
    config["background"] |= {"image": "desert.png", "strength": 0.5}
    rules = SceneRules(config, Comparison())
    assert (rules.gpu(asked()), image(rules, "background")) == (1, ["desert.png"])
    config["background"] = {"image": "desert.png"}
    rules = SceneRules(config, Comparison())
    assert (rules.gpu(asked()), image(rules, "background")) == (0, ["desert.png"])


def test_a_subject_that_is_an_image_takes_no_device_and_reads_its_mask_alone(config, tmp_path):
    (tmp_path / "own.png").touch()
    config["subjects"]["rover"] = {"image": "own.png"}
    rules, rover = SceneRules(config, Comparison()), asked(subject="rover")
    assert (rules.gpu(rover), image(rules, "subject", subject="rover")) == (0, ["own.png"])
    inputs = rules.inputs("subject")(rover)
    assert inputs["plate"] == [] and "mask" not in inputs
    with pytest.raises(SystemExit, match=r"subjects\.rover is an image without a mask"):
        rules.inputs("mask")(rover)
    config["subjects"]["rover"]["mask"] = {"image": "own.png"}
    assert SceneRules(config, Comparison()).inputs("subject")(rover)["mask"] == ["results/masks/rover.png"]
    astronaut = asked(subject="astronaut")
    assert (rules.gpu(astronaut), image(rules, "subject", subject="astronaut")) == (1, None)


@pytest.mark.parametrize(("method", "devices"), [("lanczos", 0), ("network", 1), ("diffusion", 1)])
def test_only_a_model_takes_a_device_to_enlarge(config, tmp_path, method, devices):
    (tmp_path / "network.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    rules = SceneRules(config | {"upscale": {"method": method, "network": "network.safetensors"}}, Comparison())
    assert rules.upscale_gpu(asked(factor="2")) == devices


def test_a_mask_from_an_image_reads_that_file(config, tmp_path):
    (tmp_path / "shape.png").touch()
    config["subjects"]["rover"]["mask"] = {"image": "shape.png"}
    rules = SceneRules(config, Comparison())
    assert image(rules, "mask", subject="rover") == ["shape.png"]
    assert image(rules, "mask", subject="astronaut") is None


def test_a_mask_reads_the_layer_that_it_follows(config):
    config["effects"]["fog"]["alpha"] = "luminance"
    for layer, file in (("astronaut", "subjects/astronaut"), ("fog", "effects/fog")):
        config["subjects"]["rover"]["mask"] = {"layer": layer}
        rules = SceneRules(config, Comparison())
        assert rules.inputs("mask")(asked(subject="rover"))["layer"] == [f"results/{file}.png"]
        assert rules.inputs("mask")(asked(subject="astronaut"))["layer"] == []


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda rules: rules.spec("background")(asked("night/")),
            r"^There is no scene night: scenes/night\.yaml is missing",
        ),
        (
            lambda rules: rules.spec("subject")(asked(subject="dragon")),
            r"^config\.yaml: subjects has no dragon\. There are: ast",
        ),
        (
            lambda rules: rules.spec("effect")(asked(effect="rain")),
            r"^config\.yaml: effects has no rain\. There are: fog",
        ),
        (lambda rules: rules.spec("sweep")(asked(sweep="seeds")), r"sweeps has no seeds"),
        (
            lambda rules: rules.spec("refine")(asked()),
            r"^config\.yaml: refine is not given, so that there is no refined picture",
        ),
    ],
)
def test_what_is_not_there_ends_snakemake_with_a_sentence(rules, ask, said):
    with pytest.raises(SystemExit, match=said):
        ask(rules)


def test_snakemake_sees_functions_of_wildcards(rules):
    for function in (rules.spec("background"), rules.inputs("composite"), rules.gpu, rules.exports):
        assert list(get_function_params(function)) == ["wildcards"]


def test_params_are_plain_values(rules):
    """Snakemake records params by their repr, and does so for plain types alone."""

    def plain(value) -> bool:
        if isinstance(value, dict):
            return type(value) is dict and all(map(plain, value)) and all(map(plain, value.values()))
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    named = asked(subject="rover", effect="fog", factor="2")
    for rule in ("background", "subject", "effect", "mask", "composite", "scene", "upscale"):
        assert plain(rules.spec(rule)(named)), rule
    assert plain(rules.hub_models(named))


def test_how_jobs_run_is_recorded_by_no_rule(rules):
    """Snakemake records no object of a class that it does not know, so that an edit of it repaints nothing."""
    assert isinstance(rules.runtime, Runtime)


LAYERS = {
    "scene": "scene.yaml",
    "find": "found/rover.png",
    "depth": "depth/rover.png",
    "check": "checks/rover.png",
    "mask": "masks/rover.png",
    "background": "background.png",
    "subject": "subjects/rover.png",
    "effect": "effects/fog.png",
    "refine": "refined.png",
    "composite": "final.png",
    "upscale": "final@2x.png",
    "psd": "final.psd",
    "openraster": "final.ora",
    "view": "view.html",
}


@pytest.mark.parametrize(("rule", "file"), LAYERS.items())
@pytest.mark.parametrize("results", ["results/", "desert/results/"])
def test_a_layer_that_its_record_does_not_explain_gets_an_input_that_is_newer(config, rule, file, results):
    config["refine"] = {"prompt": "a desert"}
    config["subjects"]["rover"]["mask"]["text"] = "a rock"
    config["subjects"]["rover"]["check"] = {}
    config["depth"] = {"of": "background"}
    config["composite"]["layers"][3]["depth"] = {}
    layer = Path(results, file)
    layer.parent.mkdir(parents=True, exist_ok=True)
    named = asked(subject="rover", layer="rover", effect="fog", factor="2")

    def flag() -> AnnotatedString:
        comparison = Comparison()
        comparison.prepare()
        return SceneRules(config, comparison, results).inputs(rule)(named)["changes"]

    assert is_flagged(flag(), "ancient")  # there is no layer: Snakemake makes it anyhow
    layer.write_bytes(b"a layer")
    assert not is_flagged(flag(), "ancient")
    assert CHANGED.stat().st_mtime_ns > layer.stat().st_mtime_ns
    described = SceneRules(config, Comparison(), results)._layer(rule, named)
    assert described.file == file
    inputs = [f"{results}{path}" for path in described.inputs]
    for path in inputs:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"an input")
    records.write(str(layer), described.spec, {path: digest_file(Path(path)) for path in inputs})
    assert is_flagged(flag(), "ancient")
    for path in inputs:
        Path(path).write_bytes(b"another")
        assert not is_flagged(flag(), "ancient"), path
        Path(path).write_bytes(b"an input")
    assert is_flagged(flag(), "ancient")


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
