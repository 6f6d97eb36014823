"""A Reporter that remembers what a pass reported."""

from strata.painting.under_way import Preview


class Recorder:
    """Implements strata.painting.progress.Reporter.

    Attributes:
        lines: the sentences said and noted, in order.
        notes: the sentences noted.
        steps: (done, steps) of each step of a sampler.
        previews: what was shown of the layer while it was painted.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.previews: list[Preview] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def detail(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.lines.append(text)
        self.notes.append(text)

    def step(self, done: int, steps: int) -> None:
        self.steps.append((done, steps))

    def is_watched(self) -> bool:
        return True

    def preview(self, preview: Preview) -> None:
        self.previews.append(preview)

    def check(self) -> None:
        """Somebody always waits for the pass."""
