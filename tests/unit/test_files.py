"""Files are written whole or not at all."""

import errno
import os

import pytest

from strata.errors import StrataError
from strata.files import append_line, replacing, set_time


def test_a_file_is_replaced_when_it_is_whole(tmp_path):
    path = tmp_path / "folder/file.txt"
    with replacing(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"


def test_a_file_of_another_user_gets_its_time_by_a_copy(tmp_path, monkeypatch):
    path = tmp_path / "layer.png"
    path.write_bytes(b"pixels")
    others, set_time_of = path.stat().st_ino, os.utime

    def refuse(path, times=None, *, ns):
        if os.stat(path).st_ino == others:  # noqa: PTH116
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        set_time_of(path, ns=ns)

    monkeypatch.setattr(os, "utime", refuse)
    set_time(path, 1_000_000_007)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (b"pixels", 1_000_000_007)


def test_a_file_that_lines_are_added_to_is_for_all_that_the_umask_allows(tmp_path):
    umask = os.umask(0o002)
    try:
        append_line(tmp_path / "lines", "a line")
    finally:
        os.umask(umask)
    assert (tmp_path / "lines").stat().st_mode & 0o777 == 0o664


def test_a_line_that_a_full_disk_has_cut_spoils_no_other(tmp_path):
    path = tmp_path / "lines"
    append_line(path, "one")
    with path.open("a") as file:
        file.write("tw")
    append_line(path, "three")
    assert path.read_text().splitlines() == ["one", "tw", "three"]


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
