"""A sweep: the variations of a scene that try some values of some keys."""

import itertools
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import yaml

from strata.errors import StrataError
from strata.scene.variations import SIGN, assignments
from strata.schema import shorten
from strata.yaml_files import parse_yaml

MOST_CELLS = 10_000
"""More pictures than anybody compares on one sheet."""


class Sweep:
    """One entry of the config's `sweeps`, complete.

    Args:
        name: the key of the entry, for sentences.
    """

    def __init__(self, name: str, described: Mapping[str, Any]):
        self._where = f"config.yaml: sweeps.{name}"
        self.keys = {key: self._values(key, values) for key, values in described["keys"].items()}
        self.scene = described["scene"]
        self.width = described["width"]
        self._how: str = described["how"]
        self._columns: int | None = described["columns"]
        count = math.prod(len(values) for values in self.keys.values()) if self._how == "product" else 0
        if count > MOST_CELLS:
            raise StrataError(
                f"{self._where} has {count} cells, but a sheet can show {MOST_CELLS}. Give its keys fewer values."
            )
        if self._how == "zip" and len({len(values) for values in self.keys.values()}) > 1:
            counts = ", ".join(f"{key} {len(values)}" for key, values in self.keys.items())
            raise StrataError(
                f"{self._where} zips lists of different lengths ({counts}). Give them equally many values."
            )

    @property
    def columns(self) -> int:
        """The pictures in a row of the sheet."""
        if self._columns:
            return self._columns
        if self._how == "product" and len(self.keys) > 1:
            return len(list(self.keys.values())[-1])
        return math.ceil(math.sqrt(len(self.cells())))

    def cells(self) -> list[dict[str, object]]:
        """The values of each cell, by key; in rows from left to right, the last key fastest."""
        lists = self.keys.values()
        rows = itertools.product(*lists) if self._how == "product" else zip(*lists, strict=True)
        return [dict(zip(self.keys, row, strict=True)) for row in rows]

    def folders(self) -> list[str]:
        """The folder of each cell under results/, with its slash."""
        above = f"{self.scene}/" if self.scene else ""
        return [f"{above}{self._folder(cell)}/" for cell in self.cells()]

    def _folder(self, cell: Mapping[str, object]) -> str:
        name = ",".join(f"{key}{SIGN}{_text(value)}" for key, value in cell.items())
        if "/" in name or len(name) > 200 or list(assignments(name)) != list(cell.items()):
            raise StrataError(
                f"{self._where} has values that cannot be a folder's name: {shorten(name)}. They must be short, without a slash."
            )
        return name

    def _values(self, key: str, values: Any) -> list[object]:
        if isinstance(values, list):
            return values
        if values["to"] - values["from"] >= MOST_CELLS:
            raise StrataError(f"{self._where}.keys.{key} has more than {MOST_CELLS} values. Give it fewer.")
        if values["from"] > values["to"]:
            raise StrataError(f"{self._where}.keys.{key} runs from {values['from']} down to {values['to']}. Swap them.")
        return list(range(values["from"], values["to"] + 1))


def _text(value: object) -> str:
    """A value as YAML on one line, as bare as it can be."""
    if isinstance(value, str):
        with suppress(StrataError):
            if parse_yaml(value, "") == value:
                return value
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("\n...\n").strip()
