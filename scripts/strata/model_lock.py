"""models.lock.yaml: which commit of each model on the hub builds use. A branch that moves there changes no layer."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from strata.errors import StrataError
from strata.files import replacing
from strata.schema import Schema, YamlLoader

LOCK = Path("models.lock.yaml")

SCHEMA = Schema("lock")

HEAD = """\
# The models on the hub that builds load, at exactly these commits. Keep this file with the config.
# Written by `snakemake --cores 1 models`. To move on to what the hub holds by now, delete an entry and run that again.
"""


def read(path: Path = LOCK) -> list[dict]:
    """The entries of a lock file, as schemas/lock.schema.yaml describes them; none if there is no file.

    Raises StrataError for a file that is none.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YamlLoader)
    except FileNotFoundError:
        return []
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataError(f"{path} is not YAML: {' '.join(str(error).split())}. Mend it, or delete it.") from None
    return SCHEMA.complete(content if isinstance(content, dict) else {"models": content}, path.name)["models"]


def write(entries: Sequence[Mapping], path: Path = LOCK) -> None:
    """Writes a lock file, sorted, at once or not at all."""
    ordered = sorted(entries, key=lambda entry: (entry["repository"], entry["variant"] or ""))
    with replacing(path) as file:
        file.write(f"{HEAD}{yaml.safe_dump({'models': ordered}, sort_keys=False, width=120)}".encode())


def entry(entries: Sequence[Mapping], model: Mapping, where: str) -> Mapping | None:
    """The entry of a model; None if it is not locked.

    Args:
        model: `id`, `revision` and `variant`, as in the scene's schema.
        where: the file and the key of the model, for the sentence of a StrataError.

    Raises:
        StrataError: the revision that is asked for is another than the one that is locked.
    """
    found = next(
        (one for one in entries if (one["repository"], one["variant"]) == (model["id"], model["variant"])), None
    )
    if found and model["revision"] not in (None, found["revision"] or "main", found["commit"]):
        raise StrataError(
            f"{where} asks for the revision {model['revision']!r} of {model['id']}, but {LOCK} holds its commit "
            f"{found['commit']}, which came from {found['revision'] or 'main'}. Ask for that one, or delete the entry "
            "there and fetch anew: snakemake --cores 1 models"
        )
    return found
