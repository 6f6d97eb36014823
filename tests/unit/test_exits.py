"""An error of the library becomes a sentence where the process meets the person."""

import inspect
import re
import subprocess
import sys

import pytest

from helpers.working_folder import ROOT
from strata.errors import OutOfMemoryError, StrataError
from strata.exits import sentences, with_sentences


def test_the_librarys_errors_are_exceptions_like_others():
    for kind in (StrataError, OutOfMemoryError):
        assert issubclass(kind, Exception)
        assert not issubclass(kind, SystemExit)


@pytest.mark.parametrize("kind", [StrataError, OutOfMemoryError])
def test_a_sentence_ends_the_process_and_nothing_else_is_said(kind):
    with pytest.raises(SystemExit) as end, sentences():
        raise kind("The config is wrong.")
    assert end.value.code == "The config is wrong."
    assert end.value.__suppress_context__


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), SystemExit(3)])
def test_other_errors_pass_as_they_are(error):
    with pytest.raises(type(error)) as raised, sentences():
        raise error
    assert raised.value is error


def test_a_function_with_sentences_is_the_function():
    @with_sentences
    def half(number: int, *, of: int = 2) -> float:
        """A half."""
        if number < 0:
            raise StrataError("The number is too small.")
        return number / of

    assert half(3) == 1.5
    assert half(3, of=3) == 1
    assert (half.__name__, half.__doc__) == ("half", "A half.")
    assert list(inspect.signature(half).parameters) == ["number", "of"]
    with pytest.raises(SystemExit, match=r"^The number is too small\.$"):
        half(-1)


def test_a_process_exits_with_1_and_its_sentence_on_stderr():
    code = f"""
import sys
sys.path.insert(0, {str(ROOT / "scripts")!r})
from strata.errors import StrataError
from strata.exits import sentences
with sentences():
    raise StrataError("The config is wrong.")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "The config is wrong.\n")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            PermissionError(13, "Permission denied", "a/model"),
            "a/model cannot be used: Permission denied. Give yourself the right",
        ),
        (
            OSError(5, "Input/output error", "a/model"),
            "a/model cannot be used: Input/output error. Fix that, then try again.",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence(error, sentence):
    def fail():
        raise error

    with pytest.raises(SystemExit, match=re.escape(sentence)):
        with_sentences(fail)()


def test_an_error_of_the_system_without_a_file_is_an_accident():
    def fail():
        raise OSError(12, "Cannot allocate memory")

    with pytest.raises(OSError, match="Cannot allocate memory"):
        with_sentences(fail)()
