"""The files of a model: whether they changed, which parts are shared, and what is said of a model that cannot be loaded."""

import json
import shutil

import pytest

from strata.errors import StrataError
from strata.fingerprints import fingerprint_folder
from strata.models.checkpoint import Checkpoint

COMMIT = "a" * 40


@pytest.fixture
def folder(models, tmp_path):
    """A copy of the tiny text-to-image pipeline."""
    return shutil.copytree(models / "text-to-image", tmp_path / "model")


def make_checkpoint(folder, fingerprint=None, **changes) -> Checkpoint:
    model = {"id": "someone/something", "revision": None, "variant": None, "dtype": "auto"}
    return Checkpoint({**model, "fingerprint": fingerprint, **changes}, folder)


def test_a_folder_that_is_as_planned_passes(folder):
    make_checkpoint(folder, fingerprint_folder(folder)).check()


def test_a_folder_that_changed_is_refused(folder):
    planned = make_checkpoint(folder, fingerprint_folder(folder))
    (folder / "vae/config.json").write_text("{}")
    with pytest.raises(StrataError, match=r"changed after the build began\. Build again"):
        planned.check()


def test_a_model_on_the_hub_may_not_be_here_yet():
    make_checkpoint(None).check()


def test_a_unet_without_a_sample_size_is_refused_in_a_sentence(folder):
    config = folder / "unet/config.json"
    settings = json.loads(config.read_text())
    assert isinstance(settings["sample_size"], int)
    config.write_text(json.dumps(settings | {"sample_size": None}))
    with pytest.raises(StrataError) as error:
        make_checkpoint(folder, fingerprint_folder(folder)).check()
    assert str(config) in str(error.value)
    assert "`sample_size: null`" in str(error.value)
    assert "Set it to" in str(error.value)


def test_an_upscaler_needs_no_sample_size(folder):
    config, index = folder / "unet/config.json", folder / "model_index.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"sample_size": None}))
    kind = {"_class_name": "StableDiffusionLatentUpscalePipeline"}
    index.write_text(json.dumps(json.loads(index.read_text()) | kind))
    make_checkpoint(folder, fingerprint_folder(folder)).check()


@pytest.mark.parametrize("change", [{"sample_size": [8, 8]}, {}])
def test_other_sample_sizes_are_left_to_diffusers(folder, change):
    config = folder / "unet/config.json"
    settings = json.loads(config.read_text())
    del settings["sample_size"]
    config.write_text(json.dumps(settings | change))
    make_checkpoint(folder, fingerprint_folder(folder)).check()


@pytest.mark.parametrize(
    "edit",
    [
        lambda folder: (folder / "vae/config.json").write_text("{}"),
        lambda folder: (folder / "vae/config.json").unlink(),
        lambda folder: (folder / "vae/more.json").write_text("{}"),
    ],
    ids=["edited", "removed", "added"],
)
def test_the_state_differs_when_a_file_does(folder, edit):
    checkpoint = make_checkpoint(folder)
    before = checkpoint.state()
    assert checkpoint.state() == before
    edit(folder)
    assert checkpoint.state() != before


def test_parts_are_the_same_if_their_files_kind_and_precision_are(folder, tmp_path):
    parts = make_checkpoint(folder).parts()
    assert {"unet", "vae", "text_encoder"} <= parts.keys()
    assert "scheduler" not in parts
    other = shutil.copytree(folder, tmp_path / "other")
    (other / "vae/config.json").write_text("{}")
    others = make_checkpoint(other).parts()
    assert {name for name in parts if parts[name] != others[name]} == {"vae"}
    halved = make_checkpoint(folder, dtype="float16").parts()
    assert not any(parts[name] == halved[name] for name in parts)


@pytest.mark.parametrize(
    ("name", "fingerprint", "remedy"),
    [
        (COMMIT, COMMIT, "models.lock.yaml asks for it. Run `strata fetch` where there is a network"),
        ("model", "b" * 16, "Its folder must hold all parts that model_index.json names"),
        (None, None, "Run `strata fetch` where there is a network, name its `variant`"),
    ],
    ids=["locked", "folder", "hub"],
)
def test_what_to_do_about_a_model_that_cannot_be_loaded_depends_on_where_it_is(tmp_path, name, fingerprint, remedy):
    said = make_checkpoint(name and tmp_path / name, fingerprint).explain("no weights")
    assert said.startswith(f"The model someone/something could not be loaded: no weights. {remedy}")
