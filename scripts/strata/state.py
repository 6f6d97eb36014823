"""Where the state of a working directory lies: every path under `.strata/`, relative to the working directory.

All of it but RETOUCHED, which holds the work of people, may be removed between two builds. Without the records the next build runs
the jobs again, and finds that the layers are right; without the rest it takes a little longer.
"""

from pathlib import Path

FOLDER = Path(".strata")

BUILD_LOCK = FOLDER / "build.lock"
"""Held by the build that is under way."""

JOURNAL = FOLDER / "build.jsonl"
"""What the latest build has done, one line of JSON a layer."""

PLANNED = FOLDER / "planned.json"
"""The seconds that the build which is under way expects of each layer."""

UNDER_WAY = FOLDER / "under_way"
"""The build that is under way, and how far each of its passes is, a file each."""

WATCHED = FOLDER / "watched"
"""Touched again and again while somebody looks on, so that what nobody sees is not made."""

STUDIO = FOLDER / "studio"
"""What the studio keeps: its token, the strip of finished pictures, the log of its builds."""

HISTORY = FOLDER / "history.jsonl"
"""How long finished work took, over all builds."""

NOTES = FOLDER / "notes"
"""An empty file for each sentence that the latest build has printed and must not repeat."""

RECORDS = FOLDER / "records"
"""What each layer was made from, by the path of the layer."""

RETOUCHED = FOLDER / "retouched"
"""Layers as people had retouched them, before they were painted again: their description, or what lies beneath them, had changed."""

RECIPES = FOLDER / "recipes.jsonl"
"""Which layer each recipe gave, over all builds: what a plan knows ahead of an edit that is taken back."""

CHANGED = FOLDER / "changed"
"""An input of each layer: newer than those that were made from something else than what is there now."""

LAYER_DIGESTS = FOLDER / "layers.json"
"""The digests of layers and of what they were made from."""

MODEL_DIGESTS = FOLDER / "models.json"
"""The digests of models' files, so that gigabytes are not read for each build."""

CODE_DIGESTS = FOLDER / "code.json"
"""The digests of source files and what each imports."""
