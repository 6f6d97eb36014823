"""The store: copies by content, within a limit."""

import os
import threading
from pathlib import Path

import pytest

from strata.painting.store import Store, make_key


@pytest.fixture
def layer(tmp_path) -> Path:
    path = tmp_path / "layer.png"
    path.write_bytes(b"a layer")
    return path


def name(number: int) -> str:
    return make_key({"seed": number}, b"")


def test_a_layer_comes_back_as_a_copy(tmp_path, layer):
    store = Store(tmp_path / "store", 1e6)
    assert not store.fetch(name(1), tmp_path / "out.png")
    store.put(name(1), layer)
    layer.write_bytes(b"retouched")
    assert store.fetch(name(1), tmp_path / "out.png")
    (tmp_path / "out.png").write_bytes(b"retouched, too")
    assert store.fetch(name(1), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == b"a layer"
    assert not (tmp_path / "again.png").is_symlink()


def test_what_was_used_longest_ago_goes_first(tmp_path, layer):
    store = Store(tmp_path / "store", 3 * len(b"a layer"))
    for number in range(3):
        store.put(name(number), layer)
        os.utime(store._entry(name(number)), ns=(number, number))
    assert store.fetch(name(0), tmp_path / "out.png")
    store.put(name(3), layer)
    held = [number for number in range(4) if store.fetch(name(number), tmp_path / "out.png")]
    assert held == [0, 2, 3]


def test_a_store_without_room_keeps_nothing(tmp_path, layer):
    store = Store(tmp_path / "store", 0)
    store.put(name(1), layer)
    with store.claim(name(1)):
        assert not store.fetch(name(1), tmp_path / "out.png")
    assert not (tmp_path / "store").exists()
    Store(tmp_path / "store", 1e6).put(name(1), layer)
    assert not store.fetch(name(1), tmp_path / "out.png")


def test_equal_passes_wait_for_each_other(tmp_path):
    store = Store(tmp_path / "store", 1e6)
    order = []
    inside = threading.Event()

    def paint(number: int) -> None:
        with store.claim(name(1)):
            order.append(f"in {number}")
            inside.set()
            order.append(f"out {number}")

    with store.claim(name(1)):
        thread = threading.Thread(target=paint, args=(1,))
        thread.start()
        assert not inside.wait(0.2)
        order.append("first")
    thread.join(30)
    assert order == ["first", "in 1", "out 1"]


@pytest.mark.parametrize(
    ("other", "pixels", "same"),
    [
        ({"seed": 1, "prompt": "a", "plate": ["background"]}, b"x", True),  # whence the pixels came is no matter
        ({"prompt": "a", "seed": 1}, b"x", True),
        ({"seed": 1, "prompt": "a"}, b"y", False),
        ({"seed": 2, "prompt": "a"}, b"x", False),
        ({"seed": 1, "prompt": "b"}, b"x", False),
    ],
)
def test_a_key_is_the_pass_and_the_pixels_it_reads(other, pixels, same):
    assert (make_key({"seed": 1, "prompt": "a"}, b"x") == make_key(other, pixels)) == same
