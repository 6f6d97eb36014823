"""Each family that a preset names, in diffusers' own classes with random weights: whole scenes, and what it lacks."""

import json

import numpy as np
import pytest
import yaml
from PIL import Image

from helpers.in_process import describe_scene
from helpers.tiny_families import FAMILIES
from helpers.working_folder import ROOT, WorkingFolder
from strata.diffusion.loading import LoadError
from strata.errors import StrataError
from strata.imaging import compositing
from strata.scene.scene import Scene


def beneath(pictures: dict, names: list[str]) -> np.ndarray:
    return np.asarray(compositing.flatten(pictures["background"].size, [compositing.Layer(pictures[n]) for n in names]))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_builds_a_whole_scene(name, models_of, builder):
    """On a canvas that fits its latents, and, with a window, on one that does not; twice, to the same bytes."""
    folders, family = models_of(name), FAMILIES[name]
    whole, window = describe_scene(folders), describe_scene(folders, width=100, height=70, scale=0.75)
    window["subjects"]["rover"]["context"] = 5
    for config, size in ((whole, (96, 64)), (window, (75, 52))):
        pictures, reports = builder.build(config)
        assert {picture.size for picture in pictures.values()} == {size}
        stack = ["background"]
        for subject in ("astronaut", "rover"):
            plate, after = beneath(pictures, stack), beneath(pictures, [*stack, subject])
            outside = np.asarray(pictures[f"mask of {subject}"]) == 0
            assert outside.any()
            assert (after[outside] == plate[outside]).all()
            assert (after[~outside] != plate[~outside]).any()
            stack.append(subject)
            steps = 2 if family.rounds_up else 1  # of 3 at a strength of a half
            assert reports[subject].steps == [(step, steps) for step in range(1, steps + 1)]
        assert reports["background"].steps == [(1, 3), (2, 3), (3, 3)]
        again, _ = builder.build(config)
        assert all(again[key].tobytes() == picture.tobytes() for key, picture in pictures.items())


@pytest.mark.parametrize("name", FAMILIES)
def test_what_a_family_lacks_is_reported(name, models_of, builder):
    _, reports = builder.build(describe_scene(models_of(name)))
    for layer in reports:
        lacking = ["negative_prompt has no meaning"] if "negative_prompt" in FAMILIES[name].meaningless else []
        resampled = ["the result is resampled"] if FAMILIES[name].resamples and layer in ("astronaut", "rover") else []
        expected = [*lacking, *resampled]
        assert len(reports[layer].notes) == len(expected)
        assert all(words in note for words, note in zip(expected, reports[layer].notes, strict=True))


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd35", "z-image"])
def test_without_guidance_a_negative_prompt_is_reported_to_do_nothing(name, models_of, builder):
    config = describe_scene(models_of(name))
    for model in config["models"].values():
        model["guidance_scale"] = 0
    _, reports = builder.build(config)
    for report in reports.values():
        (note,) = report.notes
        assert note.endswith("is unguided at guidance_scale 0: negative_prompt does nothing")


@pytest.mark.parametrize("name", FAMILIES)
def test_sizes_fit_the_pipelines(name, models_of):
    from strata.diffusion import inference, pipelines

    model = {"id": name, "revision": None, "variant": None, "dtype": "float32", "fingerprint": None}
    for task, folder in zip(("text_to_image", "inpaint"), models_of(name).values(), strict=True):
        loaded = pipelines.load(task, model, folder, "cpu", "auto", 1)
        assert inference.size_multiple(loaded.pipeline) == FAMILIES[name].multiple


def test_every_preset_has_its_family():
    presets = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "models").glob("*.yaml")}
    assert presets.keys() == FAMILIES.keys()
    for name, preset in presets.items():
        models = preset["models"]
        assert (FAMILIES[name].inpainting is None) == (models["text_to_image"]["id"] == models["inpainting"]["id"])
        scene = Scene(yaml.safe_load((ROOT / "config.yaml").read_text()) | preset, name)
        assert not any(length % FAMILIES[name].multiple for length in scene.size)


def test_a_preset_settles_what_suits_its_family():
    """Over the default scene, which says 40 steps for each pass."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    config["subjects"]["astronaut"]["strength"] = 1.0

    def scene(preset: str) -> Scene:
        return Scene(config | yaml.safe_load((ROOT / f"models/{preset}.yaml").read_text()), "config.yaml")

    assert (scene("z-image").background()["steps"], scene("z-image").background()["guidance_scale"]) == (8, 0.0)
    assert scene("flux-fill").inpaint("astronaut")["guidance_scale"] == 30.0
    assert scene("sdxl").inpaint("astronaut")["strength"] == 0.99
    assert scene("sdxl").inpaint("hovercraft")["strength"] == 0.9
    assert scene("sdxl").background()["steps"] == 40
    assert scene("sdxl").notes() == [
        "subjects.astronaut.strength is 1, but models.inpainting.strength_limit makes it 0.99"
    ]
    assert "effects.fog.steps is 30, but models.text_to_image.steps makes it 8" in scene("z-image").notes()


def test_a_model_of_another_kind_is_a_sentence(models_of, builder):
    """An inpainting checkpoint for the background."""
    config = describe_scene(models_of("flux-fill"))
    config["models"]["text_to_image"] = config["models"]["inpainting"]
    with pytest.raises(StrataError, match="could not be loaded: AutoPipeline can't find a pipeline linked to FluxFill"):
        builder.build(config)


@pytest.mark.parametrize("named", [["my_pipeline", "Fancy"], "Fancy", "UNet2DConditionModel"])
def test_only_pipelines_of_diffusers_are_loaded(named, models_of, tmp_path):
    from strata.diffusion import pipelines

    folder = tmp_path / "model"
    folder.mkdir()
    index = json.loads((models_of("flux-fill")["inpainting"] / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_class_name": named}))
    (folder / "my_pipeline.py").write_text("raise SystemExit('code of a model was run')")
    model = {"id": "x", "revision": None, "variant": None, "dtype": "float32", "fingerprint": None}
    with pytest.raises(LoadError, match="AutoPipeline can't find a pipeline linked to"):
        pipelines.load("inpaint", model, folder, "cpu", "auto", 1)


@pytest.mark.parametrize("name", ["flux-fill", "sdxl-single"])
def test_a_family_through_snakemake(name, models_of, tmp_path):
    """Both kinds of context in one build. What the family lacks is on the terminal once, and in each log."""
    folders = models_of(name)
    working_folder = WorkingFolder(tmp_path / "scene", folders["text_to_image"].parent)
    working_folder.write({"runtime": {"threads": 1}} | describe_scene(folders))
    working_folder.write({"subjects": {"rover": {"context": 5}}}, "scenes/window.yaml")
    said = working_folder.build("all")
    for scene in ("", "window/"):
        with Image.open(working_folder.folder / f"results/{scene}final.png") as picture:
            assert picture.size == (96, 64)
    assert " painted; " in said
    lacking = [line for line in said.splitlines() if "has no meaning" in line]
    assert len(lacking) == (2 if name == "flux-fill" else 0)  # one for each of its models
    logs = [path.read_text() for path in (working_folder.folder / "logs").rglob("*.log")]
    painted = [log for log in logs if "placed whole" in log]
    assert len(painted) == 5  # what both scenes have in common is painted once
    assert [("has no meaning" in log) for log in painted] == [name == "flux-fill"] * 5
