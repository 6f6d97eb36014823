"""What a build does before its first job."""

from types import SimpleNamespace

import pytest
from PIL import Image

from helpers.settings import make_runtime
from strata.errors import StrataError
from strata.imaging import png
from strata.painting import worker_client
from strata.painting.store import Store, make_key
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.workflow import preparation


def job(spec, layer: str, folder: str = "") -> SimpleNamespace:
    """One of Snakemake's jobs."""
    return SimpleNamespace(
        params={"spec": spec},
        output=SimpleNamespace(layer=layer),
        wildcards=SimpleNamespace(scene=folder),
    )


@pytest.fixture
def started(monkeypatch) -> list[float]:
    """How long each worker that was started is to stay."""
    found: list[float] = []
    monkeypatch.setattr(worker_client, "is_up", lambda: False)
    monkeypatch.setattr(worker_client, "start", found.append)
    return found


@pytest.mark.parametrize(
    ("device", "enabled", "keep", "up", "starts"),
    [
        ("0,1", True, True, False, 1),
        ("", True, True, False, 0),
        ("0", False, True, False, 0),
        ("0", True, False, False, 0),
        ("0", True, True, True, 0),
    ],
)
def test_a_node_keeps_a_worker_where_it_was_given_devices(monkeypatch, started, device, enabled, keep, up, starts):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", device)
    monkeypatch.setattr(worker_client, "is_up", lambda: up)
    runtime = make_runtime(worker={"enabled": enabled, "idle_seconds": 7})
    assert preparation.arrive(runtime, keep) == max(1, len(device.split(",")))
    assert started == [7] * starts


def test_a_worker_is_started_for_a_pass_that_the_store_does_not_hold(config, started):
    runtime = make_runtime(store={"folder": "store", "limit_gb": 1}, worker={"idle_seconds": 7})
    scene = Scene(config, "config.yaml")
    background, effect = scene.background(), scene.effect("fog")
    jobs = [job(background, "results/background.png"), job(effect, "results/effects/fog.png")]
    preparation.start_worker(jobs, runtime)
    assert started == [7]
    for spec in (background, effect):
        key = make_key(spec, b"")
        png.write("layer.png", Image.new("RGB", (8, 8)), key=key)
        Store("store", 1e9).put(key, "layer.png")
    preparation.start_worker(jobs, runtime)
    assert started == [7]


def test_passes_that_read_layers_start_no_worker(config, started):
    scene = Scene(config, "config.yaml")
    jobs = [job(scene.inpaint("rover"), "results/subjects/rover.png"), job(scene.composite(), "results/final.png")]
    preparation.start_worker(jobs, make_runtime())
    assert started == []


def test_a_worker_that_is_up_or_switched_off_is_not_started(config, started, monkeypatch):
    jobs = [job(Scene(config, "config.yaml").background(), "results/background.png")]
    preparation.start_worker(jobs, make_runtime(worker={"enabled": False}))
    monkeypatch.setattr(worker_client, "is_up", lambda: True)
    preparation.start_worker(jobs, make_runtime())
    assert started == []


def test_a_mask_that_no_pass_can_paint_is_refused_before_the_first_job(config):
    scene = Scene(config, "config.yaml")
    masks = [job(scene.mask(name), f"results/masks/{name}.png") for name in scene.subjects]
    preparation.check_masks(masks)
    config["subjects"]["rover"]["mask"]["grow"] = -20
    empty = Scene(config, "config.yaml").mask("rover")
    with pytest.raises(StrataError, match=r"^config\.yaml: subjects\.rover\.mask is empty"):
        preparation.check_masks([*masks, job(empty, "results/masks/rover.png")])


def test_jobs_of_other_workflows_are_left_alone(config):
    others = [SimpleNamespace(params={}), SimpleNamespace(params={"spec": {"mask": {}}})]
    preparation.check_masks(others)
    preparation.print_hints(others, Scenes(config))


def test_a_hint_is_printed_once_and_only_if_its_background_is_painted(config, capsys):
    scenes = Scenes(config)
    scene = scenes.find("")
    background, effect = job(scene.background(), "background.png"), job(scene.effect("fog"), "fog.png")
    preparation.print_hints([effect], scenes)
    assert capsys.readouterr().err == ""
    preparation.print_hints([background, background, effect], scenes)
    assert capsys.readouterr().err.count("Hint: config.yaml: background.negative_prompt does not name") == 1
    preparation.print_hints([background], Scenes(config | {"runtime": {"hints": False}}))
    assert capsys.readouterr().err == ""
