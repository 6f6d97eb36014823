"""A Reporter that remembers what a pass reported."""


class Recorder:
    """Implements strata.painting.progress.Reporter.

    Attributes:
        lines: the sentences said and noted, in order.
        notes: the sentences noted.
        steps: (done, steps) of each step of a sampler.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def detail(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.lines.append(text)
        self.notes.append(text)

    def step(self, done: int, steps: int) -> None:
        self.steps.append((done, steps))

    def check(self) -> None:
        """Somebody always waits for the pass."""
