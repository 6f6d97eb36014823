"""Edits at random that leave a scene right, and what they mean, worked out on plain values."""

import copy
import random
from typing import Any

from strata.scene.edits import (
    AddLayer,
    CopyLayer,
    Edit,
    MoveLayer,
    RemoveLayer,
    RenameLayer,
    Restack,
    SetValue,
    TakeAway,
)
from strata.scene.scene_files import SceneFile

ORIGINAL = ("astronaut", "rover", "fog")
"""The layers of the scene: what stands beside them has comments, so that they are not removed."""


def edit_at_random(file: SceneFile, dice: random.Random) -> Edit:
    """An edit of a file that leaves its scene right."""
    own = file.own()
    subjects, effects = list(own["subjects"]), list(own.get("effects") or {})
    layers = [entry["layer"] for entry in own["composite"]["layers"]]
    others = [("subjects", name) for name in subjects if name not in ORIGINAL]
    others += [("effects", name) for name in effects if name not in ORIGINAL]
    kind = dice.choice(["set"] * 6 + ["take", "add", "copy", "remove", "rename", "move", "restack"])
    name = f"new-{dice.randrange(10**9)}"
    match kind:
        case "take" if paths := _added_keys(own):
            return TakeAway(dice.choice(paths))
        case "add" if len(subjects) + len(effects) < 9:
            mask = {"shapes": [{"shape": "ellipse", "bbox": _box(dice)}], "feather": dice.randrange(4)}
            described = {"prompt": _prose(dice), "seed": dice.randrange(2**40)}
            if dice.random() < 0.5:
                return AddLayer("subjects", name, {"mask": mask, **described})
            return AddLayer("effects", name, described)
        case "copy" if len(subjects) + len(effects) < 9:
            section = dice.choice(["subjects", "effects"])
            return CopyLayer(section, dice.choice(subjects if section == "subjects" else effects), name)
        case "remove" if others:
            return RemoveLayer(*dice.choice(others))
        case "rename" if others:
            return RenameLayer(*dice.choice(others), name)
        case "move":
            return MoveLayer(dice.choice(subjects), dice.randrange(len(subjects)))
        case "restack":
            return Restack(dice.choice(layers), dice.randrange(len(layers)))
    return _set_at_random(own, subjects, effects, layers, dice)


def _set_at_random(
    own: dict[str, Any], subjects: list[str], effects: list[str], layers: list[str], dice: random.Random
) -> SetValue:
    painted = dice.choice([("background",), *(("subjects", s) for s in subjects), *(("effects", e) for e in effects)])
    subject, layer = dice.choice(subjects), dice.choice(layers)
    return dice.choice(
        [
            SetValue((*painted, "prompt"), _prose(dice)),
            SetValue((*painted, "negative_prompt"), _prose(dice)),
            SetValue((*painted, "seed"), dice.randrange(2**63)),
            SetValue((*painted, "guidance_scale"), dice.randrange(40) / 4),
            SetValue(("subjects", subject, "mask", "feather"), dice.randrange(5)),
            SetValue(("subjects", subject, "mask", "shapes", 0, "bbox"), _box(dice)),
            SetValue(("composite", "layers", layer, "opacity"), dice.randrange(101) / 100),
            SetValue(("composite", "layers", layer, "blend"), dice.choice(["normal", "screen", "soft_light"])),
            SetValue(("composite", "layers", layer, "position"), [dice.randrange(9), dice.randrange(9)]),
            SetValue(("composite", "finish", dice.choice(["contrast", "color"])), dice.randrange(40) / 20),
            SetValue(("canvas", "scale"), dice.choice([1, 1.5, 2])),
        ]
    )


def _added_keys(own: dict[str, Any]) -> list[tuple[str | int, ...]]:
    """The keys that edits have added, and that may go again."""
    keys: list[tuple[str | int, ...]] = [
        ("background", key) for key in ("negative_prompt",) if key in own["background"]
    ]
    keys += [("canvas", "scale")] if "scale" in own["canvas"] else []
    for section in ("subjects", "effects"):
        for name, value in own[section].items():
            keys += [(section, name, "negative_prompt")] if "negative_prompt" in value else []
    return keys


def _box(dice: random.Random) -> list[int]:
    left, top = dice.randrange(90), dice.randrange(50)
    return [left, top, left + dice.randrange(30, 100), top + dice.randrange(30, 70)]


def _prose(dice: random.Random) -> str:
    words = [
        "a sea",
        "it's: dark",
        "# no comment",
        '"quoted"',
        "- dash",
        "ünïcode ☂",
        "{braces}",
        "null",
        "12",
        "two\nlines",
        " end ",
    ]
    return ", ".join(dice.sample(words, dice.randrange(1, 4)))


def by_hand(config: dict[str, Any], edit: Edit) -> dict[str, Any]:
    """What an edit means, on plain values: the config as somebody would have edited it."""
    config = copy.deepcopy(config)
    layers = config["composite"]["layers"]
    names = [entry["layer"] for entry in layers]
    match edit:
        case SetValue(path, value):
            _walk(config, path[:-1])[path[-1]] = value
        case TakeAway(path):
            del _walk(config, path[:-1])[path[-1]]
        case AddLayer(section, name, value):
            config[section][name] = dict(value)
            if section == "subjects":
                known = ("background", *config["subjects"])
                layers.insert(1 + max(i for i, layer in enumerate(names) if layer in known), {"layer": name})
            else:
                layers.append({"layer": name, "opacity": 0.5, "blend": "screen"})
        case CopyLayer(section, name, to):
            config[section][to] = copy.deepcopy(config[section][name])
            layers.insert(names.index(name) + 1, copy.deepcopy(layers[names.index(name)]) | {"layer": to})
        case RemoveLayer(section, name):
            del config[section][name]
            del layers[names.index(name)]
        case RenameLayer(section, name, to):
            config[section] = {to if key == name else key: value for key, value in config[section].items()}
            layers[names.index(name)]["layer"] = to
        case MoveLayer(name, index):
            order = [key for key in config["subjects"] if key != name]
            order.insert(index, name)
            config["subjects"] = {key: config["subjects"][key] for key in order}
        case Restack(layer, index):
            layers.insert(index, layers.pop(names.index(layer)))
    return config


def _walk(value: Any, path: tuple[str | int, ...]) -> Any:
    for depth, key in enumerate(path):
        by_layer = path[:depth] == ("composite", "layers")
        value = next(entry for entry in value if entry["layer"] == key) if by_layer else value[key]
    return value
