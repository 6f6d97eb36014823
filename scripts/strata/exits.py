"""The edge of the library: where an error becomes a sentence on stderr and an exit code."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from typing import ParamSpec, TypeVar

from strata.errors import StrataError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def print_line(text: str) -> None:
    """Prints a line for people. If the terminal is closed, or nobody reads the pipe any more, the work goes on without it."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


@contextmanager
def sentences() -> Iterator[None]:
    """Ends the process with the sentence of a StrataError, or with one about a file that the operating system refused.

    Python prints the message of a SystemExit and exits with 1. Snakemake lets a SystemExit pass, while it wraps any other
    exception of a Snakefile or a params function in its own report with a traceback.
    """
    try:
        yield
    except (StrataError, OSError) as error:
        raise _end_with(error) from None


def _end_with(error: StrataError | OSError) -> BaseException:
    """The end of the process that says an error; the error itself where it is about no file."""
    if isinstance(error, StrataError):
        return SystemExit(str(error))
    if error.filename is None:
        return error
    return SystemExit(f"{error.filename} cannot be used: {error.strerror}. {_advise(error)}, then try again.")


def _advise(error: OSError) -> str:
    return "Give yourself the right to use it" if isinstance(error, PermissionError) else "Fix that"


def with_sentences(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that Snakemake or the shell calls, as within `sentences()`, but faster: many scenes are many calls."""

    @wraps(function)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return function(*arguments, **named)
        except (StrataError, OSError) as error:
            raise _end_with(error) from None

    return call
