"""Reading and merging configs: YAML files, each a mapping."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from strata.errors import StrataError
from strata.schema import YamlLoader


def merged(base: object, change: object) -> object:
    """`base` with `change` laid over it: mappings merge, null takes a key away, anything else replaces."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    result = {key: value for key, value in base.items() if key not in change or change[key] is not None}
    for key, value in change.items():
        if value is not None:
            result[key] = merged(base.get(key), value)
    return result


def readable(path: str) -> str:
    """Returns `path` itself, or says in a StrataError which line of the file is not YAML."""
    if Path(path).is_file():
        read_yaml(Path(path))
    return path


def read_yaml(path: Path) -> dict:
    """The mapping in a YAML file; a StrataError names the file and the line if it is none."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YamlLoader) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataError(f"{path} is not YAML: {' '.join(str(error).split())}. Mend it there.") from None
    if not isinstance(content, dict):
        raise StrataError(f"{path} must hold keys and values, but holds {type(content).__name__}. See config.yaml.")
    return content
