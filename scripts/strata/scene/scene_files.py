"""The file of a scene as text, with what it is laid over: what edits begin with and end with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from strata.errors import StrataError
from strata.models.reference import Known
from strata.scene.scene import Scene
from strata.scene.scenes import apply_preset, lay_over
from strata.yaml_files import parse_yaml

NO_SCENE = ("runtime", "sweeps")
"""The keys of config.yaml that are no part of its scene."""


@dataclass(frozen=True)
class SceneFile:
    """config.yaml, or a file in scenes/.

    Attributes:
        source: its name, for sentences.
        text: what is in it.
        base: for a file in scenes/, what config.yaml says; None for config.yaml itself.
        models: what was found out of models already.
    """

    source: str
    text: str
    base: Mapping[str, Any] | None = None
    models: Known | None = None

    def own(self) -> dict[str, Any]:
        """What its text says.

        Raises:
            StrataError: it is no YAML, or no mapping.
        """
        own = parse_yaml(self.text, self.source)
        if not isinstance(own, dict | None):
            raise StrataError(f"{self.source} must hold keys and values, but holds {type(own).__name__}.")
        return own or {}

    def scene(self) -> Scene:
        """The scene that it describes, with what lies beneath.

        Raises:
            StrataError: something in it is wrong.
        """
        described = self.own()
        if self.base is not None:
            described = lay_over(_leave_scene(self.base), described, self.source)
        return Scene(apply_preset(_leave_scene(described), self.source), self.source, self.models)

    def with_text(self, text: str) -> "SceneFile":
        """The file with another text."""
        return replace(self, text=text)


def _leave_scene(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in NO_SCENE}
