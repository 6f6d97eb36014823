"""Configs: YAML files, each a mapping. Reading them, and laying one over another."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from strata.errors import StrataError
from strata.files import replacing
from strata.schema import YamlLoader


def merge(base: object, change: object) -> Any:
    """`base` with `change` laid over it: mappings merge, null takes a key away, anything else replaces."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    result = {key: value for key, value in base.items() if key not in change or change[key] is not None}
    for key, value in change.items():
        if value is not None:
            result[key] = merge(base.get(key), value)
    return result


def check_yaml(path: str) -> str:
    """Returns `path` itself. Raises a StrataError if the file is empty, or says which line of it is not YAML."""
    if Path(path).is_file() and not read_yaml(Path(path)):
        raise StrataError(
            f"{path} is empty. Describe a scene in it: it needs `background: {{prompt: ...}}` at the least."
        )
    return path


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; a StrataError names the file and the line if it is none."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YamlLoader) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataError(f"{path} is not YAML: {' '.join(str(error).split())}. Correct the file there.") from None
    if not isinstance(content, dict):
        raise StrataError(f"{path} must hold keys and values, but holds {type(content).__name__}. See config.yaml.")
    return content


def write_yaml(path: str | Path, content: Mapping[str, Any], head: str) -> None:
    """Writes a mapping as YAML, whole or not at all, below a comment of one line."""
    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=120)
    with replacing(path) as file:
        file.write(f"# {head}\n{text}".encode())
