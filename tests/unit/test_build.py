"""A build: alone in its folder, with a closing line."""

import contextlib
import gc
import logging
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from filelock import FileLock
from snakemake_interface_executor_plugins.settings import ExecMode

from helpers.working_folder import ROOT
from strata.errors import StrataError
from strata.painting import journal
from strata.painting.journal import FAILED
from strata.state import BUILD_LOCK
from strata.workflow import build as build_module
from strata.workflow.build import Build, check_config, open_build, summarise

HOLD = """
import sys
from unittest.mock import MagicMock
sys.path.insert(0, sys.argv[1])
from strata.workflow.build import Build
build = Build(MagicMock(remote_exec=False, local_exec=True))
build.begin()
print("held", flush=True)
input()
"""


END = """
import atexit, gc, sys
from unittest.mock import MagicMock
atexit.register(lambda: print(len(gc.get_objects()), gc.get_freeze_count()))  # after all that is registered later
sys.path.insert(0, sys.argv[1])
from strata.workflow.build import Build
Build(MagicMock(remote_exec=False, local_exec=True))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    threshold = gc.get_threshold()
    yield tmp_path
    gc.set_threshold(*threshold)


def make_workflow() -> MagicMock:
    """Stands in for Snakemake's workflow: a build on this machine that has no job to run."""
    workflow = MagicMock(remote_exec=False, local_exec=True, overwrite_configfiles=[])
    workflow.modifier.modify_path = lambda path: path
    workflow.modifier.skip_configfile = False
    return workflow


def make_build() -> Build:
    return Build(make_workflow())


@pytest.mark.parametrize("forbidden", ["logs/effects", "results", ".snakemake", "."])
def test_a_folder_that_cannot_be_written_to_is_refused_before_any_job(monkeypatch, forbidden):
    for folder in ("logs/effects", "results/effects", ".snakemake"):
        Path(folder).mkdir(parents=True)
    job = MagicMock(output=["results/effects/new/fog.png", "results/background.png"], log=["logs/effects/fog.log"])
    monkeypatch.setattr(build_module.snakemake_internals, "jobs_to_run", lambda workflow: [job])
    monkeypatch.setattr(build_module.os, "access", lambda path, mode: Path(path) != Path(forbidden))
    if forbidden == ".":
        job.output, job.log = ["elsewhere.png"], []
    with pytest.raises(StrataError, match=rf"^{re.escape(forbidden)} could not be written: .* right to write there\.$"):
        Build.begin.__wrapped__(Build(make_workflow()))


def test_two_builds_in_one_folder_do_not_meet(tmp_path):
    command = [sys.executable, "-c", HOLD, str(ROOT / "scripts")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SystemExit) as end:
            make_build().begin()
        assert f"Another build is at work in {tmp_path}" in end.value.code
        other.kill()
    again = make_build()
    again.begin()  # a killed build holds nothing
    again.release()


def test_a_build_that_ended_or_failed_lets_go_of_the_folder():
    for end in (Build.succeed, Build.release):
        first, second = make_build(), make_build()
        first.begin()
        end(first)
        second.begin()
        second.release()


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit("A mask is wrong.")])
def test_a_build_that_is_stopped_as_it_begins_lets_go_of_the_folder(monkeypatch, exception):
    """The process of the studio's builds lives on."""

    def stop(*arguments):
        raise exception

    with monkeypatch.context() as patched:
        patched.setattr(build_module.preparation, "check_masks", stop)
        stopped = make_build()
        with pytest.raises(type(exception) if isinstance(exception, SystemExit) else exception):
            stopped.begin()
    second = make_build()
    second.begin()
    second.release()


@pytest.mark.parametrize(
    ("mode", "is_dry_run", "refuses"),
    [("DEFAULT", False, True), ("DEFAULT", True, False), ("SUBPROCESS", False, False), ("REMOTE", False, False)],
)
def test_beside_another_build_nothing_is_called_up_to_date(mode, is_dry_run, refuses, capsys):
    """What that build does not make cannot be flagged while it is at work."""
    workflow = make_workflow()
    workflow.exec_mode, workflow.dryrun = ExecMode[mode], is_dry_run
    layer = Path("results/background.png")
    layer.parent.mkdir()
    layer.write_bytes(b"stale")
    build = Build(workflow)
    with FileLock(BUILD_LOCK):
        if refuses:
            with pytest.raises(StrataError, match=r"^Another build is at work in .* Wait for it to end"):
                build.comparison.flag(str(layer))
        else:
            build.comparison.flag(str(layer))
    assert ("may leave out what is to be made again" in capsys.readouterr().err) == is_dry_run


def test_a_process_that_ends_does_not_look_through_its_objects():
    done = subprocess.run(
        [sys.executable, "-c", END, str(ROOT / "scripts")], capture_output=True, text=True, timeout=60
    )
    looked_through, frozen = map(int, done.stdout.split())
    assert looked_through < frozen / 10


def test_the_closing_line_is_lost_without_harm_where_nobody_reads_it(monkeypatch):
    build = make_build()
    build.begin()
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as gone:  # noqa: PTH123, a descriptor
        monkeypatch.setattr(sys, "stderr", gone)
        build.succeed()
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            gone.close()


def test_the_closing_line_tells_what_was_done(capsys):
    closing = make_build()
    closing.begin()
    journal.record("results/masks/rover.png", "drawn", 1.0)
    journal.record("results/background.png", "store", 1.0)
    journal.record("results/subjects/rover.png", "painted", 1.0, device="cpu")
    journal.record("results/final.png", "composited", 1.0)
    closing.succeed()
    said = capsys.readouterr().err
    assert said.startswith("results/final.png: rover painted; background from the store; ")
    assert said.endswith(" s\n")


def test_the_closing_line_counts_no_layer_that_failed(capsys):
    closing = make_build()
    closing.begin()
    journal.record("results/background.png", FAILED, 1.0, sentence="It is wrong.")
    journal.record("results/final.png", "composited", 1.0)
    closing.succeed()
    assert capsys.readouterr().err.startswith("results/final.png: nothing painted")


@pytest.mark.parametrize(
    ("entries", "line"),
    [
        ([], "No picture asked for: nothing painted; 2.0 s"),
        ([{"layer": "a/b-1.0", "how": "fetched"}], "No picture asked for: a/b-1.0 fetched; 2.0 s"),
        ([{"layer": "results/a/final.png", "how": "composited"}], "results/a/final.png: nothing painted; 2.0 s"),
        (
            [
                {"layer": "results/final.psd", "how": "exported"},
                {"layer": "results/view.html", "how": "exported"},
            ],
            "results/final.psd, results/view.html: nothing painted; 2.0 s",
        ),
        (
            [
                *({"layer": f"results/a~{number}/background.png", "how": "painted"} for number in range(4)),
                *({"layer": f"results/b~{number}/background.png", "how": "store"} for number in range(900)),
                *({"layer": f"results/a~{number}/final.png", "how": "composited"} for number in range(12)),
                {"layer": "results/sweeps/moods.png", "how": "laid out"},
            ],
            "12 pictures: 4 passes painted; 900 passes from the store; 2.0 s; results/sweeps/moods.png",
        ),
        (
            [
                {"layer": "results/background.png", "how": "painted", "loads": 1},
                {"layer": "results/background.png", "how": "kept"},
                {"layer": "results/effects/fog.png", "how": "kept"},
                {"layer": "results/effects/fog.png", "how": "kept"},
                {"layer": "results/final.png", "how": "composited"},
            ],
            "results/final.png: background painted; fog kept; 1 model loaded; 2.0 s",
        ),
        (
            [
                {"layer": "results/background.png", "how": "painted"},
                {"layer": "results/found/rover.png", "how": "painted"},
                {"layer": "results/depth/background.png", "how": "store"},
                {"layer": "results/final.png", "how": "composited"},
            ],
            "results/final.png: found/rover looked at; background painted; depth/background from the store; 2.0 s",
        ),
    ],
)
def test_the_closing_line_is_short(entries, line):
    assert summarise(entries, 2.0) == line


@pytest.mark.parametrize(("loads", "said"), [((0, 0), ""), ((1, 0), "; 1 model loaded"), ((1, 2), "; 3 models loaded")])
def test_the_closing_line_says_how_often_models_were_loaded(loads, said):
    layers = ("results/background.png", "results/subjects/rover.png")
    entries = [{"layer": layer, "how": "painted", "loads": count} for layer, count in zip(layers, loads, strict=True)]
    assert summarise(entries, 2.0) == f"No picture asked for: background, rover painted{said}; 2.0 s"


def test_a_build_that_ended_waits_for_no_timer():
    """Snakemake leaves timers behind, which would hold the process."""
    ending = make_build()
    ending.begin()
    timer = threading.Timer(60, lambda: None)
    timer.start()
    ending.succeed()
    timer.join(30)
    assert not timer.is_alive()


def test_layers_that_no_scene_names_any_more_are_named_at_the_end(config, capsys):
    for name in ("rover", "dragon"):
        path = Path(f"results/subjects/{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    closing = make_build()
    closing.add(config)
    closing.begin()
    closing.succeed()
    said = capsys.readouterr().err
    assert "No scene names results/subjects/dragon.png any more. `strata tidy` lists such files." in said
    assert "rover.png" not in said


def test_all_modules_of_a_workflow_share_one_build():
    workflow = make_workflow()
    assert open_build(workflow) is open_build(workflow)
    assert open_build(workflow) is not open_build(make_workflow())


def test_a_config_that_is_wrong_ends_snakemake_with_a_sentence(config):
    with pytest.raises(SystemExit, match=r"^config\.yaml: canvas\.widht is not a key") as end:
        make_build().add(config | {"canvas": {"widht": 1}})
    assert not isinstance(end.value, StrataError)


@pytest.mark.parametrize(("text", "said"), [(None, "is missing"), ("", "is empty"), ("a: [1", "is not YAML")])
def test_a_config_file_that_is_none_ends_snakemake_with_a_sentence(text, said):
    if text is not None:
        Path("config.yaml").write_text(text)
    with pytest.raises(SystemExit, match=rf"^config\.yaml {said}"):
        check_config(make_workflow(), "config.yaml")


def test_a_config_file_that_snakemake_does_not_read_is_not_checked():
    """A module that was given its config reads none, and `--configfile` makes up for one that is not there."""
    given, elsewhere = make_workflow(), make_workflow()
    given.modifier.skip_configfile = True
    elsewhere.overwrite_configfiles = ["other.yaml"]
    for workflow in (given, elsewhere):
        assert check_config(workflow, "config.yaml") == "config.yaml"


@pytest.mark.parametrize("name", ["results", "logs", ".strata"])
def test_a_file_where_a_folder_must_be_is_refused(name):
    Path(name).write_text("a file")
    with pytest.raises(SystemExit, match=rf"^{name}"):
        open_build(make_workflow()).begin()


def test_garbage_in_the_state_is_no_matter(config, capsys):
    for name in (
        "build.jsonl",
        "layers.json",
        "models.json",
        "code.json",
        "history.jsonl",
        "recipes.jsonl",
        "planned.json",
    ):
        path = Path(".strata") / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\xff\0{[")
    closing = make_build()
    closing.add(config)
    closing.begin()
    closing.succeed()
    assert "nothing painted" in capsys.readouterr().err


def test_folders_in_place_of_state_files_are_no_matter(config, capsys):
    for name in (
        "build.jsonl",
        "layers.json",
        "models.json",
        "code.json",
        "history.jsonl",
        "recipes.jsonl",
        "planned.json",
        "notes",
    ):
        (Path(".strata") / name / "inside").mkdir(parents=True)
    closing = make_build()
    closing.add(config)
    closing.begin()
    journal.record("results/final.png", "composited", 1.0)
    closing.succeed()
    assert "nothing painted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [([], 0), ([(1, 3)], 2), ([(1, 3), (2, 5)], 4), ([(1, 9), (2, 3), (10, 11)], 9), ([(4, 5), (1, 2)], 2)],
)
def test_time_that_layers_share_counts_once(spans, seconds):
    assert build_module._cover(spans) == seconds


def test_a_log_that_cannot_be_written_is_no_traceback(capsys):
    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

        def flush(self):
            raise OSError(28, "No space left on device")

    make_build()
    logging.StreamHandler(Full()).emit(logging.LogRecord("x", logging.ERROR, "", 0, "a line", None, None))
    assert "Traceback" not in capsys.readouterr().err
