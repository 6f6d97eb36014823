"""A build: alone in its folder, with a closing line."""

import subprocess
import sys
import threading

import pytest

from strata.workflow import build
from strata.painting.device_lock import exclusive
from strata.errors import StrataError
from workshop import ROOT

HOLD = """
import sys
import threading
sys.path.insert(0, sys.argv[1])
from strata.workflow.build import Build
build = Build()
build.begin()
print("held", flush=True)
input()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_two_builds_in_one_folder_do_not_meet(tmp_path):
    command = [sys.executable, "-c", HOLD, str(ROOT / "scripts")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(StrataError, match=f"Another build is at work in {tmp_path}"):
            build.Build().begin()
        other.kill()
    build.Build().begin()  # a killed build holds nothing


def test_the_closing_line_tells_what_was_done():
    build = build.Build()
    build.begin()
    build.record("results/masks/rover.png", "drawn", 1.0)
    build.record("results/background.png", "store", 1.0)
    build.record("results/subjects/rover.png", "painted", 1.0, device="cpu")
    build.record("results/final.png", "composited", 1.0)
    said = build.end()
    assert said.startswith("results/final.png: rover painted; background from the store; ")
    assert said.endswith(" s")


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ([], "No picture asked for: nothing painted; 2.0 s"),
        ([{"layer": "a/b-1.0", "how": "fetched"}], "No picture asked for: a/b-1.0 fetched; 2.0 s"),
        ([{"layer": "results/a/final.png", "how": "composited"}], "results/a/final.png: nothing painted; 2.0 s"),
    ],
)
def test_a_build_that_paints_nothing_says_so(entries, line):
    assert build.summary(entries, 2.0) == line


def test_devices_are_held_one_by_one(tmp_path):
    with exclusive(["cuda:0", "cuda:1"], tmp_path) as first, exclusive(["cuda:0", "cuda:1"], tmp_path) as second:
        assert (first, second) == ("cuda:0", "cuda:1")
    with exclusive(["cuda:0"], tmp_path) as again:
        assert again == "cuda:0"


def test_a_build_that_ended_waits_for_no_timer():
    """Snakemake leaves timers behind, which would hold the process."""
    build = build.Build()
    build.begin()
    timer = threading.Timer(60, lambda: None)
    timer.start()
    build.end()
    timer.join(30)
    assert not timer.is_alive()


def test_a_sentence_is_the_first_once_in_a_build():
    build = build.Build()
    for _ in range(2):
        build.begin()
        assert [build.first(sentence) for sentence in ("a", "b", "a")] == [True, True, False]
        build.release()


def test_a_layer_is_short_of_memory_in_one_build_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert build.shortages("results/final.png") == 0
    build = build.Build()
    build.begin()
    build.record("results/final.png", build.SHORT, 1.0)
    build.record("results/other.png", build.SHORT, 1.0)
    build.record("results/final.png", build.SHORT, 1.0)
    assert build.shortages("results/final.png") == 2
    build.record("results/final.png", "composited", 1.0)
    assert build.end().startswith("results/final.png: nothing painted")
    build.begin()
    assert build.shortages("results/final.png") == 0
    build.release()
