"""models.lock.yaml: which commit of each model on the hub builds use. A branch that moves there changes no layer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

import yaml

from strata.errors import StrataError
from strata.files import replacing
from strata.schema import Schema, YamlLoader

LOCK = Path("models.lock.yaml")

SCHEMA = Schema("lock")

HEAD = """\
# The models on the hub that builds load, at exactly these commits. Keep this file with the config.
# Written by `strata fetch`. To move on to what the hub holds by now, delete an entry and run that again.
"""


class Entry(TypedDict):
    """One model in the lock. `files` gives the SHA-256 of each file; schemas/lock.schema.yaml describes the rest."""

    repository: str
    variant: str | None
    revision: str | None
    commit: str
    licence: str | None
    dtype: str | None
    files: dict[str, str]


def read(path: Path = LOCK) -> list[Entry]:
    """The entries of a lock file; none if there is no file.

    Raises StrataError for a file that is none.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YamlLoader)
    except FileNotFoundError:
        return []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataError(f"{path} is not YAML: {' '.join(str(error).split())}. Correct or delete the file.") from None
    complete: Any = SCHEMA.complete(content if isinstance(content, dict) else {"models": content}, path.name)
    entries: list[Entry] = complete["models"]
    return entries


def write(entries: Sequence[Entry], path: Path = LOCK) -> None:
    """Writes a lock file, sorted, whole or not at all."""
    ordered = [
        dict(entry) for entry in sorted(entries, key=lambda entry: (entry["repository"], entry["variant"] or ""))
    ]
    with replacing(path) as file:
        file.write(f"{HEAD}{yaml.safe_dump({'models': ordered}, sort_keys=False, width=120)}".encode())


def find_entry(
    entries: Sequence[Entry], model: str, revision: str | None, variant: str | None, where: str
) -> Entry | None:
    """The entry of a model; None if it is not locked.

    Args:
        model: its id on the hub.
        where: the file and the key of the model, for the sentence of a StrataError.

    Raises:
        StrataError: the revision that is asked for is another than the one that is locked.
    """
    found = next((entry for entry in entries if (entry["repository"], entry["variant"]) == (model, variant)), None)
    if found and revision not in (None, found["revision"] or "main", found["commit"]):
        raise StrataError(
            f"{where} asks for the revision {revision!r} of {model}, but {LOCK} holds its commit {found['commit']}, which came "
            f"from {found['revision'] or 'main'}. Ask for that one, or delete the entry in {LOCK} and run `strata fetch`."
        )
    return found
