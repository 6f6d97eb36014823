"""Records: what each layer was made from, by content, so that a build can tell which layers are stale.

A record holds the spec of the job that made a layer (its pass with every value, the fingerprints of the models, the digest of the
code), the digest of each file that the job consumed, as it was read, and the digest of the layer itself. It is written when the
job has ended well, and never otherwise. What is there now is compared with it whenever the Snakefile is read.

Records lie beside the layers, under `.strata/`, and not in the PNGs: an editor drops what it does not know, and a retouched layer
must be known as one. What travels with a PNG is its seal, see seals.py. Without a record a job runs, and keeps a layer whose seal
says that it was made from just what is there.

Neither Snakemake's own memory nor the times of files decide.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from filelock import FileLock, Timeout

from strata.errors import StrataError
from strata.files import cannot_write, exists, replacing, set_time
from strata.fingerprints import Memory, digest_file
from strata.scene.layer import Layer
from strata.seals import read_seal
from strata.state import BUILD_LOCK, CHANGED, LAYER_DIGESTS, RECORDS
from strata.workflow import recipes

NEWER_NS = 10_000_000
"""What counts as newer: more than file systems round."""

MOMENT = 1.0
"""Seconds. Who only flags layers holds the lock for less, a build for longer."""


UNRECORDED, REPLACED = "no record of it", "another file is in its place"
"""Why a layer is made again, beside the names of values and files that differ."""


class Record(TypedDict):
    """What a layer was made from: `inputs` are digests by path, `layer` is the digest of the file that the job left."""

    spec: dict[str, Any]
    inputs: dict[str, str]
    layer: str


def write(layer: str, spec: Mapping[str, Any], inputs: Mapping[str, str]) -> None:
    """Records what a finished layer was made from."""
    content = Path(layer).read_bytes()
    record: Record = {"spec": dict(spec), "inputs": dict(inputs), "layer": hashlib.sha256(content).hexdigest()}
    with replacing(_path_of(layer)) as file:
        file.write(json.dumps(record).encode())
    if (key := read_seal(content)) is not None:  # what was retouched and kept is no result of its recipe
        recipes.remember(recipes.digest_recipe(spec, inputs.items()), record["layer"], key)


def read(layer: str) -> Record | None:
    """The record of a layer; None if there is none, or one that cannot be read."""
    try:
        record: Record = json.loads(_path_of(layer).read_bytes())
        complete = isinstance(record["spec"], dict) and isinstance(record["inputs"], dict)
        return record if complete and isinstance(record["layer"], str) else None
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _path_of(layer: str) -> Path:
    return RECORDS / f"{layer}.json"


class Comparison:
    """Compares layers with their records, for one reading of the Snakefile.

    Args:
        flags: whether to flag layers. A process that runs a part of a build on a node does not: what it makes was decided.
        meet_another: called if a layer cannot be flagged, since another build is at work in the folder.
    """

    def __init__(self, flags: bool = True, meet_another: Callable[[], None] = lambda: None) -> None:
        self._meet_another = meet_another
        self._digests = Memory(LAYER_DIGESTS)
        self._flagged_ns = 0  # the time of CHANGED
        self._flags = flags

    def compare(self, layer: Layer, results: str) -> list[str]:
        """What differs between what a layer was made from and what is there now, see find_changes().

        Args:
            results: the folder of all results as jobs see it, with its slash.
        """
        if not exists(f"{results}{layer.file}"):
            return []
        inputs = [*(f"{results}{file}" for file in layer.inputs), *layer.own_files]
        return self.find_changes(f"{results}{layer.file}", layer.spec, inputs)

    def find_changes(self, layer: str, spec: Mapping[str, Any], inputs: Sequence[str]) -> list[str]:
        """What differs between what a layer was made from and what is there now, in a few words each.

        Args:
            layer: the file of a layer.
            spec: what its rule knows about it now.
            inputs: the files that its job would consume now.

        Returns:
            nothing if the layer is right, or not there.
        """
        digest = self.digest(layer)
        if digest is None:
            return []
        record = read(layer)
        if record is None:
            return [UNRECORDED]
        if digest != record["layer"] and _is_sealed(layer):
            # A retouched file has no seal that holds. This one was made from something, and not put here by its job.
            return [REPLACED]
        made_from = record["spec"]
        keys = spec.keys() | made_from.keys()
        changes = sorted(key for key in keys if _as_text(spec.get(key)) != _as_text(made_from.get(key)))
        changes += [path for path in inputs if self._digest_or_expected(path) != record["inputs"].get(path)]
        return changes

    def flag(self, layer: str) -> None:
        """Has Snakemake make a layer again: CHANGED, an input of its rule, becomes newer than it and another file."""
        if not self._flags:
            return
        newer = max(time.time_ns(), Path(layer).stat().st_mtime_ns + NEWER_NS)
        if newer <= self._flagged_ns:
            return
        try:
            # A build that is under way has flagged what it makes. Its jobs would fail if that changed under their hands.
            with FileLock(BUILD_LOCK, timeout=MOMENT):
                if not self._flagged_ns:
                    CHANGED.write_text(str(time.time_ns()))
                set_time(CHANGED, newer)
            self._flagged_ns = newer
        except Timeout:
            self._flags = False
            self._meet_another()
        except OSError as error:
            raise StrataError(cannot_write(CHANGED, error)) from None

    @staticmethod
    def prepare() -> None:
        """Makes CHANGED, which is an input of each rule that makes a layer."""
        if not CHANGED.is_file():
            try:
                CHANGED.parent.mkdir(parents=True, exist_ok=True)
                CHANGED.write_text("")
            except OSError as error:
                raise StrataError(cannot_write(CHANGED, error)) from None

    def save(self) -> None:
        """Keeps the digests for the next reading."""
        self._digests.save()

    def digest(self, path: str) -> str | None:
        """The digest of a file; None if it is not there."""
        try:
            found: str = self._digests.examine(Path(path), digest_file)
        except OSError:
            return None
        return found

    def _digest_or_expected(self, path: str) -> str | None:
        """The digest of a file. One that is not there will be made again, as its record says."""
        if digest := self.digest(path):
            return digest
        record = read(path)
        return record["layer"] if record else None


def _as_text(value: object) -> str:
    """A value in which the order of keys counts: that of the subjects is the order of painting."""
    return json.dumps(value)


def _is_sealed(path: str) -> bool:
    try:
        return path.endswith(".png") and read_seal(Path(path).read_bytes()) is not None
    except OSError:
        return False
