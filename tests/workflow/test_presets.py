"""`preset` in the config: one line selects the models of a file in models/."""

import shutil

import pytest
import yaml

from helpers.working_folder import ROOT, WorkingFolder, clone

SUBJECTS = {"subjects/astronaut", "subjects/rover"}
PAINTED = {"background", *SUBJECTS, "effects/fog"}


@pytest.fixture
def preset(built, tmp_path):
    """The built scene, whose models a preset of its workflow now names."""
    config = built.config
    built.workflow = clone(tmp_path / "clone")
    write(built, models=config.pop("models"))
    built.write({"preset": "tiny"} | config)
    return built


def write(working_folder: WorkingFolder, **content) -> None:
    """Writes the preset `tiny`."""
    path = working_folder.workflow / "models/tiny.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(content))


def effective(working_folder: WorkingFolder) -> dict:
    working_folder.build("results/scene.yaml")
    return yaml.safe_load((working_folder.folder / "results/scene.yaml").read_text())


def test_a_preset_is_the_same_as_its_keys_in_the_config(preset):
    assert preset.planned() == set()


def test_another_model_in_a_preset_costs_the_passes_that_it_paints(preset, models):
    other = shutil.copytree(models / "inpainting", preset.folder / "other")
    (other / "extra.txt").write_text("another model")
    named = {"text_to_image": {"id": str(models / "text-to-image")}, "inpainting": {"id": str(other)}}
    write(preset, models=named)
    assert preset.planned() == {*SUBJECTS, "final"}
    assert "astronaut, rover painted" in preset.build()
    assert effective(preset)["models"]["inpainting"]["id"] == str(other)


def test_keys_of_the_scene_win_over_those_of_a_preset(preset, models):
    write(preset, models=preset_models(models), background={"prompt": "a sea", "clip_skip": 1}, canvas={"width": 640})
    found = effective(preset)
    assert found["background"]["prompt"] == "a desert"
    assert found["background"]["clip_skip"] == 1  # of which the scene says nothing
    assert found["canvas"]["width"] == 96


def test_a_scene_may_take_a_preset_of_its_own(built, models, tmp_path):
    built.workflow = clone(tmp_path / "clone")
    write(built, background={"clip_skip": 1})
    built.write({"preset": "tiny"}, "scenes/skipped.yaml")
    assert built.planned("results/final.png") == set()
    assert built.planned("results/skipped/final.png") >= {"skipped/background"}
    built.build("results/skipped/scene.yaml")
    found = yaml.safe_load((built.folder / "results/skipped/scene.yaml").read_text())
    assert found["background"]["clip_skip"] == 1


@pytest.mark.parametrize("name", [path.stem for path in (ROOT / "models").glob("*.yaml")])
def test_each_preset_is_selected_by_one_line(built, name):
    built.edit("models", None)
    built.edit("canvas.scale", 1.0)
    built.edit("preset", name)
    assert built.planned() >= PAINTED | {"final"}
    named = yaml.safe_load((ROOT / f"models/{name}.yaml").read_text())["models"]
    found = effective(built)["models"]
    assert {task: found[task]["id"] for task in named} == {task: model["id"] for task, model in named.items()}


def test_a_preset_that_is_not_there_is_a_sentence(empty):
    empty.edit("preset", "sd51")
    refused = empty.snakemake("results/final.png")
    assert refused.returncode == 1
    assert "config.yaml: preset is 'sd51', but there is no such file in" in refused.stdout
    assert "There are: flux-fill, flux2-klein, kontext, " in refused.stdout
    assert "Traceback" not in refused.stdout


def preset_models(models) -> dict:
    return {task: {"id": str(models / task.replace("_", "-"))} for task in ("text_to_image", "inpainting")}
