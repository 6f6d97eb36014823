"""The journal: what the jobs of one build tell each other."""

import pytest

from strata.painting import journal


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_what_is_recorded_is_read():
    assert journal.read() == []
    journal.record("results/background.png", "painted", 1.0, 3.5, device="cpu")
    journal.record("results/final.png", "composited", 4.0, 5.0)
    assert journal.read() == [
        {"layer": "results/background.png", "how": "painted", "started": 1.0, "ended": 3.5, "device": "cpu"},
        {"layer": "results/final.png", "how": "composited", "started": 4.0, "ended": 5.0},
    ]


def test_a_build_begins_with_an_empty_journal():
    journal.record("results/final.png", "composited", 1.0)
    journal.begin()
    assert journal.read() == []


def test_a_note_is_claimed_once_in_a_build():
    for _ in range(2):
        journal.begin()
        assert [journal.claim_note(sentence) for sentence in ("a", "b", "a")] == [True, True, False]


def test_a_layer_is_short_of_memory_in_one_build_only():
    assert journal.count_shortages("results/final.png") == 0
    journal.begin()
    journal.record("results/final.png", journal.SHORT, 1.0)
    journal.record("results/other.png", journal.SHORT, 1.0)
    journal.record("results/final.png", journal.SHORT, 1.0)
    assert journal.count_shortages("results/final.png") == 2
    journal.begin()
    assert journal.count_shortages("results/final.png") == 0
