"""In which folder a variation's layer lives: that of the values which change it, and of no others.

`results/background.seed~1,fog.opacity~0.6/final.png` is made from `results/background.seed~1/background.png` and from
`results/effects/fog.png`. So the pictures of four seeds and three opacities have four backgrounds and one fog.
"""

import hashlib
import json
from typing import Literal

from strata.errors import StrataError
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.scene.variations import SIGN, split_name

Kind = Literal["background", "found", "depth", "mask", "subject", "effect", "refine", "check"]
"""The kinds of layers that variations may have in common."""


class LayerFolders:
    """Finds the folders of layers, for one reading of the config."""

    def __init__(self, scenes: Scenes):
        self._scenes = scenes
        self._folders: dict[tuple[str, Kind, str], str] = {}
        self._identities: dict[tuple[str, Kind, str], str] = {}

    def find(self, folder: str, kind: Kind, name: str = "") -> str:
        """The folder of a layer of the scene in `folder`; both are under results/ and end with a slash, or are empty.

        Values are left out one by one, from the first on, as long as the layer and all that it sees stay the same. So the
        scene that is left is sure to make the same layer, also where one value hides another.

        Args:
            name: of the subject or the effect.
        """
        key = (folder, kind, name)
        if key not in self._folders:
            self._folders[key] = self._reduce(folder, kind, name)
        return self._folders[key]

    def _reduce(self, folder: str, kind: Kind, name: str) -> str:
        above, _, variation = folder.rstrip("/").rpartition("/")
        if SIGN not in variation:
            return folder
        above = f"{above}/" if above else ""
        values, wanted = split_name(variation), self._identify(folder, kind, name)
        for index in range(len(values)):
            rest = ",".join(values[:index] + values[index + 1 :])
            smaller = f"{above}{rest}/" if rest else above
            try:
                same = self._identify(smaller, kind, name) == wanted
            except StrataError:
                continue  # without this value there is no such scene
            if same:
                return self.find(smaller, kind, name)
        return folder

    def _identify(self, folder: str, kind: Kind, name: str) -> str:
        """A digest of all that decides a layer: what its rule knows, and the same of the layers that it sees."""
        key = (folder, kind, name)
        if key not in self._identities:
            scene = self._scenes.find(folder)
            spec, seen = _describe(scene, kind, name)
            text = json.dumps([_leave_where(spec), *(self._identify(folder, *other) for other in seen)])
            self._identities[key] = hashlib.sha256(text.encode()).hexdigest()
        return self._identities[key]


def _describe(scene: Scene, kind: Kind, name: str) -> tuple[dict[str, object], list[tuple[Kind, str]]]:
    """What the rule of a layer knows, and the layers that it sees."""
    match kind:
        case "background":
            return {**scene.background()}, _guides(scene, "background")
        case "found":
            found = scene.perception.text_mask(name)
            return {**found}, [_find_kind(scene, layer) for layer in found["plate"]]
        case "depth":
            estimate = scene.perception.depth(name)
            return {**estimate}, [_find_kind(scene, layer) for layer in estimate["plate"]]
        case "mask":
            by_words: list[tuple[Kind, str]] = [("found", name)] if scene.is_by_words(name) else []
            return {**scene.mask(name)}, by_words + [_find_kind(scene, layer) for layer in scene.mask_layers(name)]
        case "effect":
            return {**scene.effect(name)}, _guides(scene, name)
        case "subject":
            seen: list[tuple[Kind, str]] = [("mask", name)] if name in scene.masks else []
            plate = [_find_kind(scene, layer) for layer in scene.plate(name)]
            return {**scene.subject(name)}, [*seen, *plate, *_guides(scene, name)]
        case "check":
            look = scene.check(name)
            return {**look}, [("mask", name), *(_find_kind(scene, layer) for layer in look["plate"])]
        case "refine":
            followed = scene.followed_depth()
            depth: list[tuple[Kind, str]] = [] if followed is None else [("depth", followed)]
            stack = [_find_kind(scene, entry["layer"]) for entry in scene.stack]
            return {**scene.refine()}, [*stack, *depth, *_guides(scene, "refined")]


def _leave_where(value: object) -> object:
    """A spec without the keys that are for sentences, which name the variation, wherever they are in it."""
    if isinstance(value, list):
        return [_leave_where(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _leave_where(item) for key, item in value.items() if key != "where"}


def _guides(scene: Scene, layer: str) -> list[tuple[Kind, str]]:
    """The layers that guide the pass of another."""
    return [
        ("depth", guide.layer) if guide.is_depth else _find_kind(scene, guide.layer)
        for guide in scene.guides(layer)
        if guide.layer is not None
    ]


def _find_kind(scene: Scene, layer: str) -> tuple[Kind, str]:
    """A layer by its name in the composite, as LayerFolders names it."""
    if layer in scene.subjects:
        return "subject", layer
    return ("effect", layer) if layer in scene.effects else ("background", "")
