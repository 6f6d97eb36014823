"""Digests of models by their files, and what is remembered of them."""

import os

import pytest

from strata import fingerprints
from strata.fingerprints import fingerprint_file, fingerprint_folder, remembered


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
    before = fingerprint_folder(model, memory)
    assert memory.is_file()
    (model / "README.md").write_text("another card")
    for path in model.rglob("*"):
        os.utime(path)
    assert fingerprint_folder(model, memory) == before == fingerprint_folder(model)
    (model / "unet/weights.safetensors").write_bytes(b"12345679")
    assert fingerprint_folder(model, memory) != before


def test_the_template_of_prompts_counts(model):
    before = fingerprint_folder(model)
    (model / "chat_template.jinja").write_text("{{ messages }}")
    assert fingerprint_folder(model) != before


def test_a_file_that_moved_is_another_model(model):
    before = fingerprint_folder(model)
    (model / "unet").rename(model / "vae")
    assert fingerprint_folder(model) != before


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_memory_only_costs_time(model, tmp_path, content):
    memory = tmp_path / "memory.json"
    before = fingerprint_folder(model, memory)
    memory.write_text(content)
    assert fingerprint_folder(model, memory) == before


def test_a_memory_that_cannot_be_written_only_costs_time(model, tmp_path):
    (tmp_path / "file").write_text("")
    assert fingerprint_folder(model, tmp_path / "file/memory.json") == fingerprint_folder(model)


def test_the_digest_of_a_file_is_that_of_its_content(model, tmp_path):
    weights = model / "unet/weights.safetensors"
    other = tmp_path / "other.safetensors"
    other.write_bytes(weights.read_bytes())
    assert fingerprint_file(weights) == fingerprint_file(other)
    other.write_bytes(b"12345679")
    assert fingerprint_file(weights) != fingerprint_file(other)


def test_a_file_is_examined_once_as_long_as_it_is_the_same(model, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprints, "UNSETTLED_NS", 0)
    memory, files = tmp_path / "memory.json", [model / "model_index.json", model / "README.md"]
    examined = []

    def examine(path):
        examined.append(path.name)
        return {"text": path.read_text()}

    first = remembered(files, memory, examine)
    assert remembered(files, memory, examine) == first
    assert examined == ["model_index.json", "README.md"]
    files[1].write_text("a longer card")
    assert remembered(files, memory, examine)[files[1]] == {"text": "a longer card"}
    assert examined == ["model_index.json", "README.md", "README.md"]


def test_a_change_within_the_clock_tick_of_a_reading_is_seen(model, tmp_path):
    """Of the same size, with the same times: what changed so shortly before it was read is read again."""
    memory, weights = tmp_path / "memory.json", model / "unet/weights.safetensors"
    before = fingerprint_folder(model, memory)
    times = weights.stat().st_mtime_ns
    weights.write_bytes(b"87654321")
    os.utime(weights, ns=(times, times))
    assert fingerprint_folder(model, memory) != before


def test_an_edit_in_place_that_keeps_size_and_time_is_seen_by_the_time_of_change(model, tmp_path, monkeypatch):
    monkeypatch.setattr(fingerprints, "UNSETTLED_NS", 0)
    memory, weights = tmp_path / "memory.json", model / "unet/weights.safetensors"
    times = weights.stat().st_mtime_ns
    before = fingerprint_folder(model, memory)
    with weights.open("r+b") as file:
        file.write(b"8")
    os.utime(weights, ns=(times, times))
    assert fingerprint_folder(model, memory) != before


def test_links_and_linked_folders_are_followed(model, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "model_index.json").symlink_to(model / "model_index.json")
    (linked / "unet").symlink_to(model / "unet")
    (linked / "again").symlink_to(linked)  # in a circle
    assert fingerprint_folder(linked) == fingerprint_folder(model)
    (model / "unet/weights.safetensors").write_bytes(b"12345679")
    assert fingerprint_folder(linked) == fingerprint_folder(model)


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff", b'{"x": 1}', b'{"x": [1, 2]}', b"[" * 100_000])
def test_a_memory_of_garbage_is_none(model, tmp_path, content):
    memory = tmp_path / "memory.json"
    memory.write_bytes(content)
    assert fingerprint_folder(model, memory) == fingerprint_folder(model)
