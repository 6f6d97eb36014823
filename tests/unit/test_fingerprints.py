"""Digests of code and of models."""

import os

import pytest

from strata import fingerprints

PLAIN = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    ("source", "same"),
    [
        ("# comment\ndef f(x):\n\n    return x + 1  # one more\n", True),
        ('"""Module."""\n\n\ndef f(x):\n    """Function."""\n    return x + 1\n', True),
        ("def f(x): return (x + 1)\n", True),
        ("def f(x):\n    return x + 2\n", False),
        ("def f(y):\n    return y + 1\n", False),
        ("def f(x):\n    'a' 'b'.strip()\n    return x + 1\n", False),
    ],
)
def test_only_what_runs_counts(source, same):
    assert (fingerprints.syntax(source) == fingerprints.syntax(PLAIN)) == same


def test_code_is_told_apart_by_its_modules():
    assert fingerprints.code("masks") == fingerprints.code("masks") != fingerprints.code("compositing")


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "unet/weights.safetensors").write_bytes(b"12345678")
    (folder / "README.md").write_text("a card")
    return folder


def test_a_model_is_known_by_its_files(model, tmp_path):
    memory = tmp_path / "memory.json"
    before = fingerprints.folder(model, memory)
    assert memory.is_file()
    (model / "README.md").write_text("another card")
    for path in model.rglob("*"):
        os.utime(path)
    assert fingerprints.folder(model, memory) == before == fingerprints.folder(model)
    (model / "unet/weights.safetensors").write_bytes(b"12345679")
    assert fingerprints.folder(model, memory) != before


def test_a_file_that_moved_is_another_model(model):
    before = fingerprints.folder(model)
    (model / "unet").rename(model / "vae")
    assert fingerprints.folder(model) != before


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_memory_only_costs_time(model, tmp_path, content):
    memory = tmp_path / "memory.json"
    before = fingerprints.folder(model, memory)
    memory.write_text(content)
    assert fingerprints.folder(model, memory) == before


def test_a_memory_that_cannot_be_written_only_costs_time(model, tmp_path):
    (tmp_path / "file").write_text("")
    assert fingerprints.folder(model, tmp_path / "file/memory.json") == fingerprints.folder(model)
