"""What a process keeps loaded, what it shares, and what it lets go; and how little of the libraries it needs."""

import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from strata import fingerprints
from strata.diffusion import pipeline_cache, pipelines, placement
from strata.painting import execution
from strata.models.checkpoint import Weights
from strata.errors import StrataError
from workshop import ROOT


@pytest.fixture
def models(models, tmp_path):
    """Copies of the tiny pipelines, which have the text encoder in common."""
    folder = shutil.copytree(models, tmp_path / "models")
    shutil.rmtree(folder / "inpainting/text_encoder")
    shutil.copytree(folder / "text-to-image/text_encoder", folder / "inpainting/text_encoder")
    return folder


def weights(folder, **changes):
    described = {"id": "tiny", "revision": None, "variant": None, "dtype": "float32", **changes}
    return Weights(described | {"fingerprint": fingerprints.folder(folder)}, folder)


def load(held, models, task, **changes):
    folder = models / ("inpainting" if task == "inpaint" else "text-to-image")
    return held.pipeline(task, weights(folder, **changes), "cpu", "auto", 1)[0]


def test_a_pipeline_is_loaded_once(models):
    held = pipeline_cache.Shelf()
    assert load(held, models, "text_to_image") is load(held, models, "text_to_image")


def test_equal_parts_are_shared_and_nothing_else(models):
    held = pipeline_cache.Shelf()
    first, second = load(held, models, "text_to_image"), load(held, models, "inpaint")
    assert second.text_encoder is first.text_encoder
    assert second.vae is not first.vae
    assert second.unet is not first.unet
    assert second.scheduler is not first.scheduler


def test_what_differs_in_precision_is_not_shared(models):
    held = pipeline_cache.Shelf()
    first, second = load(held, models, "text_to_image"), load(held, models, "inpaint", dtype="bfloat16")
    assert second.text_encoder is not first.text_encoder


def test_one_model_for_both_tasks_is_loaded_once(models):
    held = pipeline_cache.Shelf()
    first = load(held, models, "text_to_image")
    second = held.pipeline("inpaint", weights(models / "text-to-image"), "cpu", "auto", 1)[0]
    assert second.unet is first.unet
    assert type(second).__name__ == "StableDiffusionInpaintPipeline"


def test_files_that_changed_are_loaded_anew(models):
    held = pipeline_cache.Shelf()
    first = load(held, models, "text_to_image")
    path = models / "text-to-image/unet/config.json"
    path.write_text(path.read_text() + "\n")
    assert load(held, models, "text_to_image") is not first


def test_the_longest_unused_goes_when_memory_is_short(models, monkeypatch):
    held = pipeline_cache.Shelf()
    load(held, models, "text_to_image")
    load(held, models, "inpaint")
    load(held, models, "text_to_image")
    monkeypatch.setattr(placement, "available_memory", lambda device: 0 if len(held.names()) > 1 else 10**12)
    load(held, models, "text_to_image", dtype="bfloat16")
    assert held.names() == ["tiny (text_to_image, cpu)", "tiny (text_to_image, cpu)"]


def test_forgetting_tells_how_much_it_is(models):
    held = pipeline_cache.Shelf()
    load(held, models, "text_to_image")
    assert held.forget("cpu") == 1
    load(held, models, "text_to_image")
    load(held, models, "inpaint")
    assert held.forget("cpu") == 2
    assert held.names() == []


def test_the_memory_of_this_machine_is_told():
    assert 0 < placement.available_memory("cpu") < 2**63


@pytest.mark.parametrize("family", pipelines.FAMILIES)
def test_a_familys_classes_are_those_that_diffusers_would_choose(family, monkeypatch):
    from diffusers.pipelines import auto_pipeline

    chosen = {
        "text_to_image": auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
        "inpaint": auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING,
    }
    monkeypatch.setattr(
        pipelines.DiffusionPipeline, "load_config", lambda source, revision: {"_class_name": f"{family}Pipeline"}
    )
    for task, mapping in chosen.items():
        assert pipelines._kind(task, "a model", None) is auto_pipeline._get_task_class(mapping, f"{family}Pipeline")


def test_the_libraries_come_without_torchs_compiler_but_it_can_be_had():
    program = """
import sys
from strata.diffusion import patches
patches.prepare()
from diffusers import StableDiffusionPipeline
import torch, transformers.modeling_utils
assert "torch._dynamo.symbolic_convert" not in sys.modules
assert "torch.distributed.tensor" not in sys.modules
torch._dynamo.reset()
assert "torch._dynamo.symbolic_convert" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT / "scripts", check=True)


def test_short_of_memory_the_pipelines_of_other_passes_go_first(models):
    held = pipeline_cache.Shelf()
    load(held, models, "text_to_image")
    load(held, models, "inpaint")
    tries = []

    def work():
        tries.append(held.names())
        if len(tries) == 1:
            raise MemoryError("too large")
        return "painted"

    assert execution._with_room(SimpleNamespace(attempt=1, spec={}), "cpu", held, work) == "painted"
    assert [len(names) for names in tries] == [2, 0]


def test_when_that_does_not_help_a_sentence_says_what_does():
    def work():
        raise MemoryError("too large")

    with pytest.raises(StrataError, match=r"cpu ran out of memory at attempt 1 \(too large\)\. A further attempt"):
        execution._with_room(SimpleNamespace(attempt=1, spec={}), "cpu", pipeline_cache.Shelf(), work)
