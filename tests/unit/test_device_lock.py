"""Devices are held one by one, by locks in a folder that is its user's alone."""

import pytest

from strata.errors import StrataError
from strata.painting import device_lock
from strata.painting.device_lock import hold_one


def test_devices_are_held_one_by_one(tmp_path):
    with hold_one(["cuda:0", "cuda:1"], tmp_path) as first, hold_one(["cuda:0", "cuda:1"], tmp_path) as second:
        assert (first, second) == ("cuda:0", "cuda:1")
    with hold_one(["cuda:0"], tmp_path) as again:
        assert again == "cuda:0"


def test_whoever_waits_for_a_device_may_give_up(tmp_path):
    class GaveUpError(Exception):
        pass

    looks = []

    def look():
        looks.append(1)
        if len(looks) == 3:
            raise GaveUpError

    with hold_one(["cpu"], tmp_path), pytest.raises(GaveUpError), hold_one(["cpu"], tmp_path, while_waiting=look):
        pytest.fail("one device was held twice")


def test_a_folder_that_is_open_to_others_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(device_lock.tempfile, "gettempdir", lambda: str(tmp_path))
    device_lock.user_folder().chmod(0o755)
    with pytest.raises(StrataError, match="closed to others"):
        device_lock.user_folder()


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({}, 1),
        ({"CUDA_VISIBLE_DEVICES": ""}, 1),
        ({"CUDA_VISIBLE_DEVICES": "0,GPU-5f"}, 2),
        ({"ROCR_VISIBLE_DEVICES": "3"}, 1),
    ],
)
def test_so_many_devices_were_handed_out(monkeypatch, variables, count):
    for name in device_lock.VISIBLE:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert device_lock.count_devices() == count
