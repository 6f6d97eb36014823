"""`strata store`: what a store holds, whether it is sound, and how large it may be."""

from pathlib import Path

import pytest
import yaml
from PIL import Image

from strata.commands.main import main
from strata.imaging import png
from strata.painting import history
from strata.painting.store import Store, list_entries, make_key


@pytest.fixture(autouse=True)
def stores(config) -> list[Store]:
    """The config's store with three passes, and a shared one with one."""
    config["runtime"] = {"store": {"folder": "own", "shared": "team"}}
    Path("config.yaml").write_text(yaml.safe_dump(config))
    own, team = Store("own", 1e6), Store("team", 1e6)
    for store, numbers in ((own, (1, 2, 3)), (team, (4,))):
        for number in numbers:
            key = make_key({"seed": number}, b"")
            png.write("layer.png", Image.new("RGB", (8, 8), (number, 0, 0)), key=key)
            store.put(key, "layer.png")
    return [own, team]


def say(capsys, *arguments: str) -> str:
    main(["store", *arguments])
    return capsys.readouterr().out


def test_it_says_what_a_store_holds_and_has_saved(capsys):
    assert say(capsys).startswith("own holds 3 passes, 0.0 MB.")
    assert say(capsys, "list", "--shared").startswith("team holds 1 passes")
    assert say(capsys, "--folder", "team").startswith("team holds 1 passes")
    for how, seconds in (("painted", 2.0), ("store", 0.1)):
        history.add({"what": "painting", "how": how, "work": 1, "seconds": seconds})
    assert "It has saved 1 passes here, about 2 s of painting." in say(capsys)


def test_damaged_entries_are_dropped(stores, capsys):
    assert "no entry is damaged" in say(capsys, "verify")
    entry = list_entries(stores[0].folder)[0][2]
    entry.write_bytes(b"garbled")
    assert say(capsys, "verify") == f"dropped {entry}\n"
    assert not entry.exists()


def test_a_store_is_trimmed_to_what_is_asked_for(stores, capsys):
    say(capsys, "trim")
    assert len(list_entries(stores[0].folder)) == 3  # within the config's limit
    say(capsys, "trim", "--gb", "0")
    assert not list_entries(stores[0].folder)
    assert list_entries(stores[1].folder)


@pytest.mark.parametrize("size", ["nan", "inf", "-1", "much"])
def test_a_size_that_is_none_removes_nothing(stores, size, capsys):
    with pytest.raises(SystemExit) as refused:
        main(["store", "trim", f"--gb={size}"])
    assert refused.value.code == 2
    assert f"'{size}' is no size: give a number of GB, 0 or more" in capsys.readouterr().err
    assert len(list_entries(stores[0].folder)) == 3


@pytest.mark.parametrize("arguments", [["trim", "--shared"], ["trim", "--folder", "team"]])
def test_a_store_of_others_is_not_trimmed_without_a_size(arguments):
    with pytest.raises(SystemExit, match="Say how large"):
        main(["store", *arguments])


def test_a_shared_store_that_the_config_does_not_name_is_a_sentence(config):
    del config["runtime"]["store"]["shared"]
    Path("config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(SystemExit, match=r"runtime\.store\.shared is not set"):
        main(["store", "--shared"])
