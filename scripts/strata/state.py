"""Where the state of a working directory lies: every path under `.strata/`, relative to the working directory.

All of it may be removed between two builds. Without the marks the next build paints the layers again whose last job failed
(it cannot know better); without the rest it takes a little longer.
"""

from pathlib import Path

FOLDER = Path(".strata")

BUILD_LOCK = FOLDER / "build.lock"
"""Held by the build that is under way."""

BUILD_NAME = FOLDER / "build.name"
"""The name of the latest build, for its jobs on other machines."""

JOURNAL = FOLDER / "build.jsonl"
"""What the latest build has done, one line of JSON a layer."""

NOTES = FOLDER / "notes"
"""An empty file for each sentence that the latest build has printed and must not repeat."""

MARKS = FOLDER / "marks"
"""The marks of layers whose job failed, by the path of the layer."""

MODEL_DIGESTS = FOLDER / "models.json"
"""The digests of models' files, so that gigabytes are not read for each build."""

CODE_DIGESTS = FOLDER / "code.json"
"""The digests of source files and what each imports."""
