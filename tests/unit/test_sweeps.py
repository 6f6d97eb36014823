"""Sweeps: their cells, and the folders of these."""

import pytest

from strata.errors import StrataError
from strata.scene.sweeps import Sweep
from strata.scene.variations import assignments
from strata.schema import Schema


def sweep(**described) -> Sweep:
    return Sweep("tries", Schema("sweeps").complete({"tries": described}, "config")["tries"])


@pytest.mark.parametrize(
    ("described", "folders", "columns"),
    [
        (
            {"keys": {"background.seed": {"from": 1, "to": 3}}},
            ["background.seed~1/", "background.seed~2/", "background.seed~3/"],
            2,
        ),
        (
            {"keys": {"background.seed": [1, 2], "fog.opacity": [0.1, 0.5, 1]}},
            [f"background.seed~{seed},fog.opacity~{opacity}/" for seed in (1, 2) for opacity in (0.1, 0.5, 1)],
            3,
        ),
        (
            {"keys": {"background.seed": [1, 2], "fog.opacity": [0.1, 0.5]}, "how": "zip", "scene": "night"},
            ["night/background.seed~1,fog.opacity~0.1/", "night/background.seed~2,fog.opacity~0.5/"],
            2,
        ),
        (
            {"keys": {"background.prompt": ["a sea", "on"]}, "columns": 1},
            ["background.prompt~a sea/", "background.prompt~'on'/"],
            1,
        ),
    ],
)
def test_cells_are_folders_of_variations(described, folders, columns):
    made = sweep(**described)
    assert made.folders() == folders
    assert made.columns == columns
    parsed = [dict(assignments(folder.rstrip("/").rpartition("/")[2])) for folder in folders]
    assert parsed == made.cells()


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"keys": {"a.b": {"from": 3, "to": 1}}}, "tries.keys.a.b runs from 3 down to 1"),
        ({"keys": {"a.b": [1], "c.d": [1, 2]}, "how": "zip"}, r"zips lists of different lengths \(a.b 1, c.d 2\)"),
        ({"keys": {"a.b": ["x/y"]}}, "values that cannot be a folder's name"),
        ({"keys": {"a.b": {"from": 1}}}, "keys.a.b.to is missing"),
        ({"keys": {}}, "keys is {}, but must be"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused(described, said):
    with pytest.raises(StrataError, match=said):
        sweep(**described).folders()
