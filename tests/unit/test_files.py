"""Files are written whole or not at all."""

import errno
import os

import pytest

from strata.errors import StrataError
from strata.files import replacing


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = tmp_path / "folder/file.txt"
    with replacing(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt(), ValueError()]
)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, failure):
    path = tmp_path / "file.txt"
    path.write_bytes(b"old")
    with pytest.raises(BaseException) as error, replacing(path) as file:
        file.write(b"half of the n")
        raise failure
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file.txt"]
    if isinstance(failure, OSError):
        assert "file.txt could not be written: No space left on device. The disk is full" in str(error.value)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "folder").touch()
    with (
        pytest.raises(StrataError, match=r"folder/file\.txt could not be written: "),
        replacing(tmp_path / "folder/file.txt"),
    ):
        pytest.fail("there is nowhere to write")
