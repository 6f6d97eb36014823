"""What a process keeps loaded, what it shares, and what it lets go."""

import shutil

import pytest

from strata.diffusion import devices, pipeline_cache
from strata.diffusion.pipeline_cache import PipelineCache
from strata.diffusion.pipelines import Loaded
from strata.errors import StrataError
from strata.fingerprints import fingerprint_folder
from strata.models.checkpoint import Checkpoint


@pytest.fixture
def models(models, tmp_path):
    """Copies of the tiny pipelines, which have the text encoder in common."""
    folder = shutil.copytree(models, tmp_path / "models")
    shutil.rmtree(folder / "inpainting/text_encoder")
    shutil.copytree(folder / "text-to-image/text_encoder", folder / "inpainting/text_encoder")
    return folder


@pytest.fixture
def pipelines() -> PipelineCache:
    return PipelineCache()


def checkpoint(folder, **changes) -> Checkpoint:
    described = {"id": "tiny", "revision": None, "variant": None, "dtype": "float32", **changes}
    return Checkpoint(described | {"fingerprint": fingerprint_folder(folder)}, folder)


def load(pipelines, models, task, **changes):
    folder = models / ("inpainting" if task == "inpaint" else "text-to-image")
    return pipelines.get(task, checkpoint(folder, **changes), "cpu", "auto", 1).pipeline


def test_a_pipeline_is_loaded_once(models, pipelines):
    assert load(pipelines, models, "text_to_image") is load(pipelines, models, "text_to_image")


def test_loads_are_counted(models, pipelines):
    for task, count in (("text_to_image", 1), ("text_to_image", 1), ("inpaint", 2)):
        load(pipelines, models, task)
        assert pipelines.count_loads("cpu") == count
    # The same weights for another task are there already.
    pipelines.get("image_to_image", checkpoint(models / "text-to-image"), "cpu", "auto", 1)
    assert pipelines.count_loads("cpu") == 2
    pipelines.forget("cpu")
    load(pipelines, models, "inpaint")
    assert pipelines.count_loads("cpu") == 3
    assert pipelines.count_loads("cuda:0") == 0


def test_equal_parts_are_shared_and_nothing_else(models, pipelines):
    first, second = load(pipelines, models, "text_to_image"), load(pipelines, models, "inpaint")
    assert second.text_encoder is first.text_encoder
    assert second.vae is not first.vae
    assert second.unet is not first.unet
    assert second.scheduler is not first.scheduler


def test_what_differs_in_precision_is_not_shared(models, pipelines):
    first, second = load(pipelines, models, "text_to_image"), load(pipelines, models, "inpaint", dtype="bfloat16")
    assert second.text_encoder is not first.text_encoder


def test_one_model_for_both_tasks_is_loaded_once(models, pipelines):
    first = load(pipelines, models, "text_to_image")
    second = pipelines.get("inpaint", checkpoint(models / "text-to-image"), "cpu", "auto", 1).pipeline
    assert second.unet is first.unet
    assert type(second).__name__ == "StableDiffusionInpaintPipeline"


def test_files_that_changed_are_loaded_anew(models, pipelines):
    first = load(pipelines, models, "text_to_image")
    path = models / "text-to-image/unet/config.json"
    path.write_text(path.read_text() + "\n")
    assert load(pipelines, models, "text_to_image") is not first


def test_the_longest_unused_goes_when_memory_is_short(models, pipelines, monkeypatch):
    load(pipelines, models, "text_to_image")
    load(pipelines, models, "inpaint")
    load(pipelines, models, "text_to_image")
    monkeypatch.setattr(devices, "available_memory", lambda device: 0 if len(pipelines.names()) > 1 else 10**12)
    load(pipelines, models, "text_to_image", dtype="bfloat16")
    assert pipelines.names() == ["tiny (text_to_image, cpu)", "tiny (text_to_image, cpu)"]


def test_forgetting_tells_how_much_it_is(models, pipelines):
    load(pipelines, models, "text_to_image")
    assert pipelines.forget("cpu") == 1
    load(pipelines, models, "text_to_image")
    load(pipelines, models, "inpaint")
    assert pipelines.forget("cpu") == 2
    assert pipelines.names() == []


def test_a_model_that_changed_after_it_was_planned_is_refused(models, pipelines):
    planned = checkpoint(models / "text-to-image")
    path = models / "text-to-image/unet/config.json"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(StrataError, match="changed after the build began"):
        pipelines.get("text_to_image", planned, "cpu", "auto", 1)
    assert pipelines.names() == []


def test_a_process_that_serves_many_holds_a_bounded_number(models, pipelines, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline_cache, "MOST_HELD", 2)
    folders = [shutil.copytree(models / "text-to-image", tmp_path / f"model{number}") for number in range(4)]
    for folder in folders:
        pipelines.get("text_to_image", checkpoint(folder), "cpu", "auto", 1)
    assert len(pipelines.names()) == 2


def test_only_the_precision_that_is_loaded_counts_as_its_size(models):
    folder = models / "text-to-image"
    alone = checkpoint(folder).size()
    weights = folder / "unet/diffusion_pytorch_model.safetensors"
    shutil.copyfile(weights, weights.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert checkpoint(folder).size() == alone
    assert 0 < checkpoint(folder, variant="fp16").size() < alone


@pytest.mark.parametrize("free", [0, 10**12])
def test_a_kept_pipeline_is_laid_out_anew_when_another_program_took_the_memory(models, pipelines, monkeypatch, free):
    kept = load(pipelines, models, "text_to_image")
    anew = Loaded(object(), "cpu", "model")
    monkeypatch.setattr(devices, "has_own_memory", lambda device: True)
    monkeypatch.setattr(devices, "free_memory", lambda device: free)
    monkeypatch.setattr(pipeline_cache.pipelines, "load", lambda *wanted: anew)
    assert load(pipelines, models, "text_to_image") is (kept if free else anew.pipeline)
