"""Whatever a config or a variation's name holds: Snakemake is told what to do, or a person is told what is wrong.

STRATA_FUZZ=10000 pytest -n 0 tests/unit/test_no_tracebacks.py tries more.
"""

import json
import os
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from helpers.nasty_configs import spoil
from helpers.working_folder import ROOT
from strata.models.kinds import CONFIG, INDEX
from strata.workflow.records import Comparison
from strata.workflow.rules import SceneRules

COUNT = int(os.environ.get("STRATA_FUZZ", "400"))
BATCHES = 4


@pytest.fixture
def described(tmp_path, monkeypatch) -> list[dict]:
    """Two configs that are right: the default scene, and one that uses nearly every key."""
    monkeypatch.chdir(tmp_path)
    Comparison.prepare()
    Path("empty.png").touch()
    for name in ("loop.png", "loop.safetensors"):
        Path(name).symlink_to(name)
    default, full = (yaml.safe_load((ROOT / name).read_text()) for name in ("config.yaml", "docs/every-key.yaml"))
    # What names files and models that are not there would hide the rest.
    for key in ("preset", "models"):
        del full[key]
    del (
        full["background"]["style"],
        full["effects"]["fog"]["style"],
        full["subjects"]["statue"],
        full["effects"]["grain"],
    )
    for picture in ("images/desert.jpg", "images/robot.png", "images/rock.png", "images/depth.png"):
        Path(picture).parent.mkdir(exist_ok=True)
        Path(picture).touch()
    for name, file, kind in (("painter", INDEX, "Flux2KleinPipeline"), ("edges", CONFIG, "ControlNetModel")):
        Path(name).mkdir()
        Path(name, file).write_text(json.dumps({"_class_name": kind}))
    full["models"] = {name: {"id": name} for name in ("painter", "edges")}
    del full["background"]["reference"]
    full["background"]["control"]["image"] = full["subjects"]["astronaut"]["reference"]["image"] = "images/robot.png"
    full["background"]["loras"] = []
    full["subjects"]["astronaut"]["model"] = "painter"
    del full["subjects"]["shadow"]["reference"]
    full["composite"]["layers"] = [
        entry for entry in full["composite"]["layers"] if entry["layer"] not in ("statue", "grain")
    ]
    return [default, full]


def ask_everything(config: dict, folder: str = "") -> None:
    """What Snakemake asks of each rule, for all of its layers."""
    rules = SceneRules(config, Comparison(flags=False))
    rules.pictures()
    scene = rules.scenes.find(folder)
    names = {"mask": scene.masks, "subject": scene.subjects, "effect": scene.effects, "sweep": rules.scenes._sweeps}
    names |= {
        "find": list(filter(scene.is_by_words, scene.masks)),
        "depth": ["background", *scene.subjects],
        "check": [name for name, subject in scene.subjects.items() if subject["check"]],
    }
    for rule in (
        "scene",
        "find",
        "depth",
        "check",
        "mask",
        "background",
        "subject",
        "effect",
        "composite",
        "upscale",
        "sweep",
        "view",
    ):
        for name in names.get(rule, [""]):
            rules.inputs(rule)(
                SimpleNamespace(scene=folder, subject=name, layer=name, effect=name, sweep=name, factor="2")
            )


def is_sentence(end: SystemExit) -> bool:
    return isinstance(end.code, str) and len(end.code) > 20 and end.code[-1] in ".?)"


def test_the_configs_are_right(described):
    for config in described:
        ask_everything(config)


@pytest.mark.parametrize("seed", range(BATCHES))
def test_a_spoiled_config_is_a_sentence_or_a_scene(described, seed):
    chance = random.Random(seed)
    for _ in range(COUNT // BATCHES):
        config = spoil(chance.choice(described), chance)
        try:
            ask_everything(config)
        except SystemExit as end:
            assert is_sentence(end), (end.code, config)


KEYS = [
    *("background.seed", "fog.opacity", "seed", "astronaut.seed", "subjects.astronaut.mask.feather", "canvas.width"),
    *(
        "composite.layers.fog.blend",
        "models.inpainting.id",
        "zz",
        "composite.layers",
        "subjects",
        "background.loras",
        "a..b",
    ),
]
VALUES = [
    *(
        "1",
        "0.5",
        "[1,2",
        "{a: 1}",
        "null",
        "",
        "x" * 300,
        "010",
        "1:30",
        "&a [*a]",
        "*a",
        "!!set {a}",
        "\0",
        "~",
        ".nan",
    ),
    *("2020-13-13", "[[[[", "'", '"', "x,y~", "💥", "-", "? ", "|", "---", "%YAML", "[" * 3000),
]


@pytest.mark.parametrize("seed", range(BATCHES))
def test_a_variations_name_is_a_sentence_or_a_scene(described, seed):
    chance = random.Random(seed)
    rules = SceneRules(described[0], Comparison(flags=False))
    for _ in range(COUNT // BATCHES):
        count = chance.choice((1, 1, 2, 3))
        signs = ("~", "~", "~", "", "~~")
        name = ",".join(chance.choice(KEYS) + chance.choice(signs) + chance.choice(VALUES) for _ in range(count))
        name = "".join(chr(chance.randrange(0x250)) if chance.random() < 0.01 else sign for sign in name)
        try:
            rules.inputs("background")(SimpleNamespace(scene=f"{name.replace('/', '')}/"))
        except SystemExit as end:
            assert is_sentence(end), (end.code, name)
