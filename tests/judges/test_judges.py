"""Krita, GIMP and psd-tools show what the layers flatten to, as closely as their own formulas allow. docs/exports.md has the figures."""

import pytest

from helpers.exported import NO_FINISH, typical
from helpers.judges import JUDGES


def judge_or_skip(name: str):
    judge = JUDGES[name]
    if not judge.is_there:
        pytest.skip(f"{name.partition(',')[0]} is not installed")
    return judge


@pytest.mark.parametrize("name", JUDGES)
def test_a_program_shows_each_blend_mode(name):
    judge = judge_or_skip(name)
    too_far = {
        mode: error for mode, error in judge.measure_modes().items() if error > judge.limits.get(mode, judge.limit)
    }
    assert too_far == {}


@pytest.mark.parametrize("name", JUDGES)
def test_a_program_shows_a_whole_scene(name):
    """A level for each layer: groups, masks, positions, opacities."""
    judge = judge_or_skip(name)
    assert judge.measure(typical(finish=NO_FINISH)) <= 4


@pytest.mark.parametrize("name", JUDGES)
def test_a_program_shows_the_final_picture_on_top(name):
    judge = judge_or_skip(name)
    picture = typical()
    assert judge.show(picture).tobytes() == picture.final.tobytes()
