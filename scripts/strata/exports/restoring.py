"""From the scene that a picture carries to a file in scenes/ that builds it again: what differs from the config beneath."""

import copy
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import strata
from strata.errors import StrataError
from strata.exports.reading import Found
from strata.scene.scene import NOT_EFFECTIVE, Scene
from strata.scene.scenes import apply_preset
from strata.yaml_files import merge

COMMIT = re.compile("[0-9a-f]{40}")


def find_difference(base: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """What to lay over `base` to get `target`: mappings merge, null takes a key away, anything else replaces."""
    change: dict[str, Any] = {}
    for key, value in target.items():
        below = base.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            if inner := find_difference(below, value):
                change[key] = inner
        elif key not in base or value != below:
            change[key] = copy.deepcopy(value)
    return change | {key: None for key in base if key not in target}


def find_change(config: Mapping[str, Any], target: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The content of a file in scenes/ that makes a scene of what config.yaml holds.

    Args:
        config: the content of config.yaml without what is no scene, such as `runtime`.
        target: an effective scene.
        source: names the scene in the sentence of a StrataError.

    Raises:
        StrataError: no such file can, since what is laid over a config keeps the order of its subjects.
    """
    base = _effective(config, "config.yaml")
    change = find_difference(base, target)
    if _list_subjects(merge(config, change)) != list(target["subjects"]):
        raise StrataError(
            f"{source} paints its subjects in another order than config.yaml ({', '.join(target['subjects'])}), and a file in "
            "scenes/ cannot change that. Write it as the config of a folder of its own: --write elsewhere/config.yaml."
        )
    if _effective(merge(config, change), source) != target:
        # A config that lists no layers shows all of them, also those that the change adds.
        change["composite"] = {**change.get("composite", {}), "layers": target["composite"]["layers"]}
    return change


def _effective(described: object, source: str) -> dict[str, Any]:
    return Scene(apply_preset(described, source), source).effective()


def _list_subjects(described: Mapping[str, Any]) -> list[str]:
    return list(described.get("subjects") or {})


def adapt(found: Found, base: Mapping[str, Any]) -> dict[str, Any]:
    """The effective scene to restore. One of another program gets the models of the config, since it cannot name them here.

    A model on the hub is held at the commit that painted the picture.

    Args:
        base: the effective scene of the config.
    """
    scene = copy.deepcopy(found.scene)
    if found.foreign:
        scene["models"], scene["upscale"] = copy.deepcopy(base["models"]), copy.deepcopy(base["upscale"])
    if not scene["composite"]["layers"]:
        scene["composite"]["layers"] = Scene(scene, "the picture").effective()["composite"]["layers"]
    for key in NOT_EFFECTIVE:
        scene.pop(key, None)
    for model, commit in _find_commits(found, scene):
        model["revision"] = commit
    return scene


def _find_commits(found: Found, scene: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The scene's models that name no commit of the hub although they were painted with one, and that commit."""
    for layer in found.layers.values():
        model = layer.get("pass", {}).get("model")
        if isinstance(model, Mapping) and COMMIT.fullmatch(str(model.get("revision"))):
            for task in ("text_to_image", "inpainting"):
                described = scene["models"][task]
                if described["id"] == model.get("id") and described["revision"] is None:
                    yield described, str(model["revision"])


def find_changes_since(found: Found, scene: Scene) -> Iterator[str]:
    """What keeps the scene from giving the picture's bytes here, a sentence each.

    Args:
        scene: the one that the picture carries, as it would be built here and now.
    """
    for name, layer in found.layers.items():
        if layer.get("retouched"):
            yield f"{name} was retouched by hand, which no scene can say. It is painted without that."
        painted, now = layer.get("pass"), _describe_pass(scene, name)
        if not isinstance(painted, Mapping) or not now or not isinstance(painted.get("model"), Mapping):
            continue
        there, here = painted["model"].get("fingerprint"), now["model"]["fingerprint"]
        if there != here:
            yield f"{name} was painted with {painted['model'].get('id')} at {there}, and here it is at {here}."
        elif painted.get("code") != now["code"]:
            yield f"{name} was painted by other code than this: its pixels may differ."
        yield from _find_other_versions(name, layer.get("made_by", {}))


def _describe_pass(scene: Scene, name: str) -> Mapping[str, Any] | None:
    """The pass of a layer; None for one that no model paints."""
    described: Mapping[str, Any]
    if name in scene.subjects:
        described = scene.inpaint(name)
    elif name in scene.effects:
        described = scene.effect(name)
    elif name == "background":
        described = scene.background()
    else:
        return None
    return described if "model" in described else None


def _find_other_versions(name: str, made_by: Mapping[str, str]) -> Iterator[str]:
    for package, then in made_by.items():
        if package in ("torch", "diffusers", "strata"):
            now = strata.__version__ if package == "strata" else _installed(package)
            if now.split("+")[0] != str(then).split("+")[0]:
                yield f"{name} was painted with {package} {then}, and here it is {now}."


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
