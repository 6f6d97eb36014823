"""Reasons: why a layer is made again, in the words of the config."""

import pytest

from strata.scene.layer import Layer
from strata.workflow.reasons import explain
from strata.workflow.records import REPLACED, UNRECORDED

LONG = "a wide alien desert at golden hour, two suns low in the sky, rock formations far off"


def why(rule, file, old, new, changes=None, **more) -> list[str]:
    record = {"spec": old, "inputs": {}, "layer": ""}
    return explain(Layer(rule, file, new, **more), sorted(new) if changes is None else changes, record)


@pytest.mark.parametrize(
    ("rule", "file", "old", "new", "said"),
    [
        ("background", "background.png", {"seed": 1}, {"seed": 2}, ["background.seed: 1 → 2"]),
        (
            "subject",
            "night/subjects/rover.png",
            {"strength": 0.5},
            {"strength": 1.0},
            ["subjects.rover.strength: 0.5 → 1.0"],
        ),
        (
            "background",
            "background.png",
            {"prompt": LONG},
            {"prompt": LONG.replace("far off", "near")},
            [
                'background.prompt: "…two suns low in the sky, rock formations far off" → '
                '"…r, two suns low in the sky, rock formations near"'
            ],
        ),
        ("effect", "effects/fog.png", {"clip_skip": None}, {"clip_skip": 1}, ["effects.fog.clip_skip: None → 1"]),
        (
            "mask",
            "masks/rover.png",
            {"mask": {"feather": 2, "shapes": [{"bbox": [1, 2]}]}},
            {"mask": {"feather": 3, "shapes": [{"bbox": [1, 3]}]}},
            ["subjects.rover.mask.feather: 2 → 3", "subjects.rover.mask.shapes[0].bbox[1]: 2 → 3"],
        ),
        (
            "composite",
            "final.png",
            {"stack": [{"layer": "a", "opacity": 0.3}, {"layer": "b", "opacity": 1}], "finish": {"contrast": 1}},
            {"stack": [{"layer": "a", "opacity": 0.6}, {"layer": "c", "opacity": 1}], "finish": {"contrast": 2}},
            [
                "composite.finish.contrast: 1 → 2",
                "composite.layers: c added",
                "composite.layers: b removed",
                "composite.layers.a.opacity: 0.3 → 0.6",
            ],
        ),
        (
            "composite",
            "final.png",
            {"stack": [{"layer": "a"}, {"layer": "b"}]},
            {"stack": [{"layer": "b"}, {"layer": "a"}]},
            ["composite.layers: another order"],
        ),
        (
            "background",
            "background.png",
            {"model": {"id": "m", "fingerprint": "1"}},
            {"model": {"id": "m", "fingerprint": "2"}},
            ["the files of m changed"],
        ),
        (
            "background",
            "background.png",
            {"model": {"id": "m", "dtype": "auto", "fingerprint": "1"}},
            {"model": {"id": "n", "dtype": "auto", "fingerprint": "2"}},
            ['background.model.id: "m" → "n"'],
        ),
        ("background", "background.png", {"code": "1"}, {"code": "2"}, ["the code that makes it changed"]),
        ("background", "background.png", {"width": 1, "height": 1}, {"width": 2, "height": 2}, ["the canvas"]),
        ("background", "background.png", {"loras": []}, {"loras": [{"file": "a"}]}, ["background.loras: [0] added"]),
    ],
)
def test_what_differs_is_said_as_it_stands_in_the_config(rule, file, old, new, said):
    assert why(rule, file, old, new) == said


def test_files_are_said_by_what_they_are():
    layer = {"sees": ("a~1/background.png",), "mask": "masks/rover.png", "image": "shapes/rock.png"}
    changes = ["results/a~1/background.png", "results/masks/rover.png", "shapes/rock.png"]
    said = why("subject", "subjects/rover.png", {}, {}, changes, **layer)
    assert said == ["sees background", "its mask changed", "shapes/rock.png changed"]


def test_a_layer_without_a_record_has_a_reason():
    layer = Layer("background", "background.png", {"seed": 1})
    assert explain(layer, [UNRECORDED], None) == ["no record of how it was made"]
    assert explain(layer, [REPLACED], None) == ["another file was put in its place"]
    assert explain(layer, [], None) == []
