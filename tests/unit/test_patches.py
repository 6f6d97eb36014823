"""The insides of torch, diffusers, transformers and spandrel that are patched are what the patches take them for.

If a test fails after an update of one of them, the docstring of diffusion/patches.py says what each patch is for, and when it may
go. Each is tried in a process of its own, since some act on imports.
"""

import importlib.util
import inspect
import os
import re
import subprocess
import sys

import pytest

from helpers.working_folder import ROOT
from strata.diffusion import patches
from strata.errors import StrataError

with_spandrel = pytest.mark.skipif(
    importlib.util.find_spec("spandrel") is None, reason="needs requirements-upscale.txt, installed with --no-deps"
)
without_torchvision = pytest.mark.skipif(
    importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed"
)


def run(program: str, **environment: str) -> str:
    """What a program prints that can import the library."""
    unset = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "scripts",
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_patch_is_explained():
    explained = re.findall(r"^(\w+)\(\) .*\n((?:    .*\n)+)", patches.__doc__, re.MULTILINE)
    assert {name for name, _ in explained} == {
        "prepare",
        "import_compiler",
        "clip_text_model",
        "import_spandrel",
        "watch_sampler",
    }
    assert all("May go when" in text for _, text in explained)


IMPORTS = """
import sys
{before}
from diffusers import StableDiffusionPipeline
import torch, transformers.modeling_utils
print(*sorted({{"torch._dynamo.symbolic_convert", "torch.distributed.tensor"}} & sys.modules.keys()))
{after}
"""


def test_the_libraries_come_without_torchs_compiler_but_it_can_be_had():
    before = "from strata.diffusion import patches; patches.prepare()"
    after = "torch._dynamo.reset(); assert 'torch._dynamo.symbolic_convert' in sys.modules"
    assert run(IMPORTS.format(before=before, after=after)).split() == []


def test_without_the_patch_they_come_with_more_than_they_need():
    """Where they do not, the patch may go."""
    assert run(IMPORTS.format(before="", after="")).split() != []


def test_something_is_compiled_after_the_patch():
    program = """
from strata.diffusion import patches
patches.prepare()
import torch
from diffusers import UNet2DConditionModel
patches.import_compiler()
compiled = torch.compile(lambda number: number + 1, backend="eager")
print(int(compiled(torch.tensor(1))), type(torch._dynamo).__name__)
"""
    assert run(program).split() == ["2", "module"]


def test_what_is_left_alone_by_the_compiler_that_is_not_there(tmp_path):
    compiler = patches.LazyCompiler("not_there", tmp_path)

    def double(number):
        return 2 * number

    assert compiler.disable(double) is double
    assert compiler.disable(recursive=False)(double) is double
    assert not isinstance(double, compiler.eval_frame.OptimizedModule)
    with pytest.raises(AttributeError):
        _ = compiler.__wrapped__


def test_libraries_report_errors_alone():
    program = """
from strata.diffusion import patches
patches.prepare()
import diffusers.utils.logging, transformers.utils.logging
for logging in (diffusers.utils.logging, transformers.utils.logging):
    print(logging.get_verbosity() == logging.ERROR, logging.is_progress_bar_enabled())
"""
    assert run(program).split() == ["True", "False"] * 2


@pytest.mark.parametrize(
    ("environment", "spins"),
    [
        ({}, str(patches.SPINS)),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "passive"}, "None"),
    ],
)
def test_threads_that_wait_let_others_work_unless_the_environment_says_how(environment, spins):
    program = """
import os
from strata.diffusion import patches
patches._lighten_imports = patches._silence = lambda: None
patches.prepare()
print(os.environ.get("GOMP_SPINCOUNT"))
"""
    assert run(program, **environment).strip() == spins


# The text encoder


@pytest.fixture(scope="module")
def pipeline(models):
    from strata.diffusion import pipelines

    model = {"id": "tiny", "revision": None, "variant": None, "dtype": "float32"}
    return pipelines.load("text_to_image", model, models / "text-to-image", "cpu", "auto", 1).pipeline


def test_the_last_norm_is_found_where_diffusers_looks_for_it(pipeline):
    encoder = pipeline.text_encoder
    parts = [name for name, _ in encoder.named_modules()]
    with patches.clip_text_model(pipeline):
        assert encoder.text_model.final_layer_norm is encoder.final_layer_norm
        assert [name for name, _ in encoder.named_modules()] == parts
    assert not hasattr(encoder, "text_model")


def test_diffusers_still_looks_there_and_transformers_has_nothing_there(pipeline):
    """Where it is not so, the patch may go."""
    assert "text_encoder.text_model.final_layer_norm" in inspect.getsource(type(pipeline).encode_prompt)
    assert hasattr(pipeline.text_encoder, "final_layer_norm")
    assert not hasattr(pipeline.text_encoder, "text_model")


def test_the_name_is_taken_back_when_a_pass_fails(pipeline):
    with pytest.raises(ZeroDivisionError), patches.clip_text_model(pipeline):
        raise ZeroDivisionError
    assert not hasattr(pipeline.text_encoder, "text_model")


def test_other_text_encoders_are_left_alone():
    class Pipeline:
        text_encoder = None

    for pipeline in (Pipeline(), object()):
        with patches.clip_text_model(pipeline):
            assert getattr(pipeline, "text_encoder", None) is None


# spandrel


@with_spandrel
@without_torchvision
def test_spandrel_comes_without_torchvision():
    program = """
import sys
from strata.diffusion import patches
print(patches.import_spandrel().__name__, hasattr(sys.modules["spandrel"], "ModelLoader"))
print(*(name for name in sys.modules if name.partition(".")[0] == "torchvision"))
"""
    assert run(program).split() == ["spandrel", "True"]


@with_spandrel
@without_torchvision
def test_without_the_patch_spandrel_asks_for_torchvision():
    """Where it does not, the patch may go."""
    program = """
try:
    import spandrel
except ModuleNotFoundError as error:
    print(error.name)
"""
    assert run(program).strip().partition(".")[0] == "torchvision"


def test_what_is_absent_may_be_named_and_not_used():
    absent = patches.Absent("torchvision")
    assert absent.transforms.functional.rotate.__name__ == "torchvision.transforms.functional.rotate"
    with pytest.raises(StrataError, match=r"needs torchvision\.ops\.nms, which is not installed"):
        absent.ops.nms(1, 2)
    with pytest.raises(AttributeError):
        _ = absent.__version__
