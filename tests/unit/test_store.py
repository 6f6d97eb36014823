"""The store: copies by content, within a limit; what is damaged is never handed out, and no fault of its folders is an error."""

import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from strata.imaging import png
from strata.painting import store as store_module
from strata.painting.store import Store, drop_damaged, list_entries, make_key, trim


def name(number: int) -> str:
    return make_key({"seed": number}, b"")


@pytest.fixture
def layer(tmp_path):
    """Writes the layer of a pass, and returns its file."""

    def write(number: int) -> Path:
        path = tmp_path / f"layer{number}.png"
        png.write(path, Image.new("RGB", (8, 8), (number, 0, 0)), key=name(number))
        return path

    return write


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path, said) -> Store:
    return Store(tmp_path / "store", 1e6, say=said.append)


def entry_of(store: Store, number: int) -> Path:
    return store_module._entry(store.folder, name(number))


def fetch(store: Store, number: int) -> bytes | None:
    out = store.folder.parent / f"out{number}-{threading.get_ident()}.png"
    return out.read_bytes() if store.fetch(name(number), out) else None


def test_a_layer_comes_back_as_a_copy(store, layer, tmp_path):
    assert fetch(store, 1) is None
    painted = layer(1).read_bytes()
    store.put(name(1), layer(1))
    layer(1).write_bytes(b"retouched")
    assert store.fetch(name(1), tmp_path / "out.png")
    (tmp_path / "out.png").write_bytes(b"retouched, too")
    assert store.fetch(name(1), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == painted
    assert not (tmp_path / "again.png").is_symlink()


def test_what_was_used_longest_ago_goes_first(tmp_path, layer):
    store = Store(tmp_path / "store", sum(layer(number).stat().st_size for number in (0, 2, 3)))
    for number in range(3):
        store.put(name(number), layer(number))
        os.utime(entry_of(store, number), ns=(number, number))
    assert fetch(store, 0)
    store.put(name(3), layer(3))
    assert [number for number in range(4) if fetch(store, number)] == [0, 2, 3]


def test_a_store_without_room_keeps_nothing(tmp_path, layer):
    store = Store(tmp_path / "store", 0)
    store.put(name(1), layer(1))
    with store.claim(name(1)):
        assert fetch(store, 1) is None
    assert not (tmp_path / "store").exists()
    Store(tmp_path / "store", 1e6).put(name(1), layer(1))
    assert fetch(store, 1) is None


def test_equal_passes_wait_for_each_other(store):
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


DAMAGES = {
    "cut": lambda entry, other: entry.write_bytes(entry.read_bytes()[:100]),
    "empty": lambda entry, other: entry.write_bytes(b""),
    "zeroed": lambda entry, other: entry.write_bytes(bytes(entry.stat().st_size)),
    "one bit": lambda entry, other: entry.write_bytes(bytes([*entry.read_bytes()[:50], 1, *entry.read_bytes()[51:]])),
    "of another size": lambda entry, other: entry.write_bytes(entry.read_bytes() + b"more"),
    "swapped with another": lambda entry, other: shutil.copyfile(other, entry),
    "a picture without a seal": lambda entry, other: Image.new("RGB", (8, 8)).save(entry),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_entry_is_dropped_and_said(store, layer, said, damage):
    store.put(name(1), layer(1))
    store.put(name(2), layer(2))
    damage(entry_of(store, 1), entry_of(store, 2))
    assert fetch(store, 1) is None
    assert [text for text in said if "is damaged" in text] == said
    assert len(said) == 1
    assert not entry_of(store, 1).exists()
    assert fetch(store, 2) == layer(2).read_bytes()


def test_what_is_no_longer_what_was_painted_is_not_kept(store, layer, said):
    path = layer(1)
    Image.new("RGB", (8, 8)).save(path)
    store.put(name(1), path)
    assert fetch(store, 1) is None
    assert "no longer what was painted" in said[0]


def break_by_file(folder: Path) -> None:
    folder.write_text("a file")


def break_by_folders(folder: Path) -> None:
    for number in range(3):
        store_module._entry(folder, name(number)).mkdir(parents=True)


def break_by_dangling_link(folder: Path) -> None:
    folder.symlink_to("/nowhere/at/all")


def break_by_missing_parent(folder: Path) -> None:
    folder.parent.joinpath("store").symlink_to("/proc/nothing")


@pytest.mark.parametrize("spoil", [break_by_file, break_by_folders, break_by_dangling_link, break_by_missing_parent])
def test_a_store_that_cannot_work_costs_a_word(store, layer, said, spoil):
    spoil(store.folder)
    with store.claim(name(1)):
        assert fetch(store, 1) is None
        store.put(name(1), layer(1))
    assert "not kept in the store" in said[-1]


def test_a_store_that_may_not_be_looked_into_holds_nothing(store, monkeypatch):
    def refuse(*arguments, **named):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    assert store.find("0" * 64) is None


def test_what_others_paint_is_read_from_the_shared_store(tmp_path, layer):
    one, two = (Store(tmp_path / folder, 1e6, tmp_path / "team") for folder in ("one", "two"))
    one.put(name(1), layer(1))
    assert fetch(two, 1) == layer(1).read_bytes()
    shutil.rmtree(tmp_path / "team")
    assert fetch(two, 1) == layer(1).read_bytes()  # its own copy by now


def test_a_damaged_entry_of_the_shared_store_is_dropped_there(tmp_path, layer, said):
    one, two = (Store(tmp_path / folder, 1e6, tmp_path / "team", said.append) for folder in ("one", "two"))
    one.put(name(1), layer(1))
    shared = store_module._entry(tmp_path / "team", name(1))
    shared.write_bytes(shared.read_bytes()[:-40])
    assert fetch(two, 1) is None
    assert not shared.exists()
    assert len(said) == 1


def test_a_shared_store_that_is_away_is_no_condition(tmp_path, layer, said):
    (tmp_path / "team").write_text("a file")
    store = Store(tmp_path / "store", 1e6, tmp_path / "team", said.append)
    store.put(name(1), layer(1))
    assert fetch(store, 1) == layer(1).read_bytes()


def test_a_store_removed_at_any_moment_gives_right_bytes_or_none(tmp_path, layer):
    files = [layer(number) for number in range(6)]
    painted = [path.read_bytes() for path in files]

    def work(seed: int) -> None:
        chance, store = random.Random(seed), Store(tmp_path / "store", 5 * len(painted[0]), tmp_path / "team")
        for _ in range(250):
            number = chance.randrange(len(files))
            match chance.randrange(4):
                case 0:
                    shutil.rmtree(chance.choice([store.folder, tmp_path / "team"]), ignore_errors=True)
                case 1:
                    store.put(name(number), files[number])
                case _:
                    assert fetch(store, number) in (None, painted[number])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))


def test_the_store_is_checked_and_trimmed_by_hand(store, layer):
    for number in range(4):
        store.put(name(number), layer(number))
        os.utime(entry_of(store, number), ns=(number, number))
    entry_of(store, 2).write_bytes(b"garbled")
    assert drop_damaged(store.folder) == [entry_of(store, 2)]
    assert len(list_entries(store.folder)) == 3
    left_behind = store.folder / "ab" / ".x.png.0.part"
    left_behind.parent.mkdir(exist_ok=True)
    left_behind.touch()
    os.utime(left_behind, ns=(0, 0))
    assert trim(store.folder, layer(3).stat().st_size) > 0
    assert [path for _, _, path in list_entries(store.folder)] == [entry_of(store, 3)]
    assert not left_behind.exists()
