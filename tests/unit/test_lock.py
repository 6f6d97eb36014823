"""The lock: which commit a build loads, and what contradicts it."""

from pathlib import Path

import pytest
import yaml

from helpers.settings import make_runtime
from strata.errors import StrataError
from strata.models import lock
from strata.models.checkpoint import Checkpoint
from strata.models.hub_cache import find_snapshot
from strata.painting import paint
from strata.painting.request import Request
from strata.scene.scenes import Scenes

COMMIT, OTHER = "a" * 40, "b" * 40
LOCKED = {
    "repository": "someone/something",
    "variant": None,
    "revision": "v1",
    "commit": COMMIT,
    "licence": "mit",
    "dtype": "float32",
    "files": {"model_index.json": "c" * 64},
}


@pytest.fixture
def config(config) -> dict:
    """The tiny scene on a model of the hub."""
    config["models"]["text_to_image"] = {"id": "someone/something"}
    return config


def model(config, **changes) -> dict:
    config["models"]["text_to_image"] |= changes
    return Scenes(config).find("").background()["model"]


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "models.lock.yaml"
    other = LOCKED | {"repository": "a/b", "variant": "fp16", "revision": None}
    lock.write([LOCKED, other], path)
    assert lock.read(path) == [other, LOCKED]
    assert lock.read(tmp_path / "none.yaml") == []


@pytest.mark.parametrize("revision", [None, "v1", COMMIT])
def test_a_pass_is_of_the_locked_commit_however_the_config_asks_for_it(config, revision):
    lock.write([LOCKED])
    found = model(config, revision=revision)
    assert (found["revision"], found["fingerprint"]) == (COMMIT, COMMIT)


def test_to_ask_for_nothing_is_to_ask_for_main(config):
    lock.write([LOCKED | {"revision": None}])
    assert model(config, revision="main")["revision"] == COMMIT


@pytest.mark.parametrize("revision", ["main", OTHER])
def test_a_revision_that_contradicts_the_lock_is_a_sentence(config, revision):
    lock.write([LOCKED])
    said = rf"^config\.yaml: models\.text_to_image asks for the revision '{revision}' of someone/something, but models\.lock"
    with pytest.raises(StrataError, match=said):
        model(config, revision=revision)


def test_the_lock_of_another_variant_is_not_meant(config):
    lock.write([LOCKED])
    assert model(config, variant="fp16")["fingerprint"] is None


def test_a_commit_in_the_config_is_the_same_with_and_without_a_lock(config):
    alone = model(config, revision=COMMIT)
    lock.write([LOCKED])
    assert model(config, revision=COMMIT) == model(config, revision=None) == alone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [", "models.lock.yaml is not YAML"),
        ("just words", "models is 'just words', but must be a list"),
        ("models: [{repository: a/b, commit: main, files: {}}]", "models[0].commit is 'main', but must be"),
        ("models: [{repository: a/b, files: {}}]", "models[0].commit is missing"),
    ],
)
def test_a_lock_that_is_none_is_a_sentence(config, text, said):
    Path("models.lock.yaml").write_text(text)
    with pytest.raises(StrataError) as error:
        model(config)
    assert said in str(error.value)
    assert "models.lock.yaml" in str(error.value)


def test_a_locked_model_is_looked_for_in_the_cache_alone(config):
    lock.write([LOCKED])
    spec = {"task": "text_to_image", "model": model(config)}
    request = paint.resolve_paths(Request(spec, "results/background.png", make_runtime()))
    assert Path(request.model) == find_snapshot("someone/something", COMMIT)
    checkpoint = Checkpoint(request.spec["model"], Path(request.model))
    assert checkpoint.parts() == {}
    with pytest.raises(StrataError, match=r"is not on this machine: .* Run `strata fetch` where there is a network"):
        checkpoint.check()


def test_the_models_of_all_scenes_are_fetched_each_once(config, tmp_path):
    Path("scenes").mkdir()
    Path("scenes/night.yaml").write_text("models: {inpainting: {id: someone/else, variant: fp16}}\n")
    Path("scenes/noon.yaml").write_text("background: {seed: 1}\n")
    found = Scenes(config).hub_models()
    assert [(each["id"], each["variant"], each["where"]) for each in found] == [
        ("someone/something", None, "config.yaml: models.text_to_image"),
        ("someone/else", "fp16", "scenes/night.yaml: models.inpainting"),
    ]


def test_the_lock_is_yaml_that_people_can_read(tmp_path):
    path = tmp_path / "models.lock.yaml"
    lock.write([LOCKED], path)
    assert path.read_text().startswith("# The models on the hub that builds load")
    assert yaml.safe_load(path.read_text()) == {"models": [LOCKED]}
