"""The order of a build's passes: right, and with the fewest models loaded."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strata.workflow.order import arrange, count_loads

Dag = dict[str, tuple[str | None, set[str]]]
"""The model and the needs of each job."""


def order(dag: Dag) -> list[str]:
    return arrange(list(dag), lambda job: dag[job][1], lambda job: dag[job][0])


def loads(dag: Dag, arranged) -> int:
    return count_loads(dag[job][0] for job in arranged)


def is_right(dag: Dag, arranged) -> bool:
    return all(dag[job][1] & dag.keys() <= set(arranged[:place]) for place, job in enumerate(arranged))


THREE_MODELS: Dag = {
    "background": ("base", set()),
    "astronaut": ("inpainting", {"background"}),
    "portrait": ("portraits", {"background"}),
    "rover": ("inpainting", {"background", "astronaut"}),
    "second portrait": ("portraits", {"background"}),
    "fog": ("base", set()),
    "rain": ("base", set()),
}


def test_a_scene_with_three_models_loads_each_once():
    arranged = order(THREE_MODELS)
    assert is_right(THREE_MODELS, arranged)
    assert loads(THREE_MODELS, arranged) == 3
    right = [way for way in itertools.permutations(THREE_MODELS) if is_right(THREE_MODELS, way)]
    assert max(loads(THREE_MODELS, way) for way in right) == 7


def test_to_begin_with_the_other_model_can_save_a_load():
    """Greed would take the first job's model, which then is needed again."""
    dag: Dag = {"a": ("one", set()), "b": ("two", set()), "c": ("one", {"b"})}
    assert order(dag) == ["b", "a", "c"]


def test_what_needs_no_model_comes_first():
    dag: Dag = {"a": ("one", set()), "b": ("two", {"mask"}), "final": (None, {"a"}), "mask": (None, set())}
    assert order(dag) == ["mask", "a", "final", "b"]


def test_what_is_there_already_is_not_waited_for():
    assert order({"rover": ("one", {"background"})}) == ["rover"]


def test_jobs_that_need_each_other_have_no_order():
    with pytest.raises(ValueError, match="no order"):
        order({"a": ("one", {"b"}), "b": ("two", {"a"})})


@st.composite
def dags(draw) -> Dag:
    count = draw(st.integers(1, 7))
    models = st.sampled_from(["one", "two", "three", None])
    dag: Dag = {}
    for job in range(count):
        needed = draw(st.sets(st.integers(0, job - 1), max_size=2)) if job else set()
        dag[str(job)] = draw(models), set(map(str, needed))
    return dag


@settings(max_examples=60, deadline=None)
@given(dags())
def test_no_other_order_loads_fewer(dag):
    arranged = order(dag)
    assert sorted(arranged) == sorted(dag)
    assert is_right(dag, arranged)
    right = (way for way in itertools.permutations(dag) if is_right(dag, way))
    assert loads(dag, arranged) == min(loads(dag, way) for way in right)


class Job(str):
    """A job that counts how often one of its kind was looked up."""

    looked_up = 0

    def __hash__(self) -> int:
        Job.looked_up += 1
        return super().__hash__()


def count_lookups(scenes: int) -> int:
    """How much it takes to arrange the layers of so many scenes."""
    dag: Dag = {
        Job(f"{scene}{job}"): (model, {Job(f"{scene}{name}") for name in needed})
        for scene in range(scenes)
        for job, (model, needed) in THREE_MODELS.items()
    }
    Job.looked_up = 0
    arranged = order(dag)
    assert loads(dag, arranged) == 3
    return Job.looked_up


def test_twice_as_many_layers_take_twice_the_work():
    assert count_lookups(800) < 2.2 * count_lookups(400)
