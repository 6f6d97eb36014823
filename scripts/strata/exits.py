"""The edge of the library: where an error becomes a sentence on stderr and an exit code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from strata.errors import StrataError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@contextmanager
def sentences() -> Iterator[None]:
    """Ends the process with the sentence of a StrataError, or with one about a file that the operating system refused.

    Python prints the message of a SystemExit and exits with 1. Snakemake lets a SystemExit pass, while it wraps any other
    exception of a Snakefile or a params function in its own report with a traceback.
    """
    try:
        yield
    except StrataError as error:
        raise SystemExit(str(error)) from None
    except OSError as error:
        if error.filename is None:
            raise
        raise SystemExit(
            f"{error.filename} cannot be used: {error.strerror}. {_advise(error)}, then try again."
        ) from None


def _advise(error: OSError) -> str:
    return "Give yourself the right to use it" if isinstance(error, PermissionError) else "Fix that"


def with_sentences(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """A function that Snakemake or the shell calls, within `sentences()`."""

    @wraps(function)
    def call(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        with sentences():
            return function(*arguments, **named)

    return call
