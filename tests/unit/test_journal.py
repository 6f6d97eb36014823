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


def test_what_is_wrong_with_a_pass_is_remembered_for_one_build():
    assert journal.find_failure("results/final.png", "1") is None
    journal.begin()
    journal.record("results/final.png", journal.FAILED, 1.0, sentence="It is wrong.", key="1")
    assert journal.find_failure("results/final.png", "1") == "It is wrong."
    assert journal.find_failure("results/final.png", "2") is None
    assert journal.find_failure("results/other.png", "1") is None
    journal.begin()
    assert journal.find_failure("results/final.png", "1") is None


def test_a_line_that_is_cut_or_garbage_is_passed_over():
    journal.record("results/final.png", "composited", 1.0)
    with journal.JOURNAL.open("ab") as file:
        file.write(b'[1]\n{"layer": "results/fi\xff')
    assert [entry["layer"] for entry in journal.read()] == ["results/final.png"]
