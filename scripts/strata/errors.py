"""The exceptions that carry a sentence for the person at the keyboard."""


class StrataError(Exception):
    """A sentence: what is wrong, where (the file and the key), the value, and what to do.

    The library raises it anywhere. Where the process meets the person (a rule's script, a command, a function that Snakemake
    calls) it becomes the sentence on stderr and the exit code 1, see exits.py.
    """


class PassingError(StrataError):
    """What may be well in a moment, such as a network; another attempt may succeed."""


class OutOfMemoryError(StrataError):
    """A device had too little memory for a pass; another attempt takes less."""
