"""Estimates: from what work of a kind took, in proportion, or by the line through works of several sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strata.workflow.estimates import NEAREST, Estimates


def entry(work, seconds, what="pass", **more) -> dict:
    return {"what": what, "how": "painted", "work": work, "seconds": seconds, **more}


def test_what_was_never_done_is_unknown():
    assert Estimates([]).seconds("pass", 10) is None
    assert Estimates([entry(10, 1, "other")]).seconds("pass", 10) is None
    assert Estimates([entry(0, 1)]).seconds("pass", 10) is None
    assert Estimates([]).loading("pass") == Estimates([]).starting() == 0


@given(st.floats(1e-3, 1e3), st.floats(1e-2, 1e12))
def test_one_pass_tells_about_others_in_proportion(seconds, work):
    estimates = Estimates([entry(work, seconds)])
    assert estimates.seconds("pass", work) == pytest.approx(seconds)
    assert estimates.seconds("pass", 3 * work) == pytest.approx(3 * seconds)


def test_one_slow_pass_among_many_decides_nothing():
    assert Estimates([*[entry(10, 2)] * 4, entry(10, 60)]).seconds("pass", 10) == 2


def test_passes_of_several_sizes_tell_what_each_costs_beside_its_work():
    estimates = Estimates([entry(work, 1.5 + 0.1 * work) for work in (10, 20, 40)])
    assert estimates.seconds("pass", 30) == pytest.approx(4.5)


def test_a_line_that_makes_no_sense_is_not_followed():
    estimates = Estimates([entry(10, 5), entry(20, 3)])  # more work in less time
    assert estimates.seconds("pass", 10) > 0


def test_the_latest_of_the_nearest_count():
    old, new = [entry(10, 8)] * NEAREST, [entry(10, 2)] * NEAREST
    assert Estimates(old + new).seconds("pass", 10) == 2


@given(st.lists(st.tuples(st.floats(1, 1e9), st.floats(0.01, 1e4)), min_size=1, max_size=20), st.floats(1, 1e9))
def test_an_estimate_is_never_negative(done, work):
    assert Estimates([entry(*pair) for pair in done]).seconds("pass", work) >= 0


def test_loading_and_starting_are_those_of_passes_that_had_to_wait():
    entries = [entry(1, 1, loading=0.001, starting=0.01), entry(1, 1, loading=3, starting=6), entry(1, 1, loading=5)]
    estimates = Estimates(entries)
    assert estimates.loading("pass") == 4
    assert estimates.loading("other") == 0
    assert estimates.starting() == 6
