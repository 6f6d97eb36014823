"""The exceptions that are meant for the person at the keyboard."""


class StrataError(SystemExit):
    """A sentence: what is wrong, where (the file and the key), the value, and what to do.

    Uncaught, Python prints the sentence to stderr and exits with 1, and so does Snakemake when it is raised while the
    workflow is read or its jobs are planned: a user sees the sentence, never a traceback.
    """

    def __init__(self, sentence: str):
        super().__init__(sentence)


class OutOfMemoryError(StrataError):
    """A device had too little memory for a pass; another try takes less."""
