"""What goes wrong while building: nothing is lost, and it is said in a sentence."""

import itertools
import json
import os
import signal
import subprocess
import time

import pytest


def refused(working_folder, *arguments: str) -> str:
    done = working_folder.snakemake(*(arguments or ("results/final.png",)))
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


@pytest.mark.parametrize("moment", ["results/masks/astronaut.png", "results/background.png", "logs/subjects/rover.log"])
def test_a_killed_build_ends_in_the_same_bytes(finished, empty, moment):
    command = empty.command("results/final.png")
    with subprocess.Popen(
        command, cwd=empty.folder, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as build:
        deadline = time.monotonic() + 240
        while not (empty.folder / moment).exists() and time.monotonic() < deadline:
            assert build.poll() is None
            time.sleep(0.02)
        os.killpg(build.pid, signal.SIGKILL)
    empty.build()
    assert empty.bytes() == finished.bytes()


def test_ctrl_c_is_no_traceback(empty):
    empty.edit("background.steps", 900)  # long enough to be met in the middle
    with subprocess.Popen(
        empty.command("results/background.png"),
        cwd=empty.folder,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as build:
        deadline = time.monotonic() + 240
        while not (empty.folder / "logs/background.log").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.5)  # into the pass, or into the wait for its worker
        os.killpg(build.pid, signal.SIGINT)
        said = build.communicate(timeout=120)[0]
    assert "background was interrupted. The same command goes on with it." in said
    assert "Traceback" not in said
    empty.edit("background.steps", 3)
    empty.build("results/background.png")


def test_a_truncated_layer_is_never_painted_upon(built):
    layer = built.folder / "results/subjects/astronaut.png"
    layer.write_bytes(layer.read_bytes()[:-200])
    said = refused(built)
    assert "results/subjects/astronaut.png cannot be read as a picture" in said
    assert "Delete it, then build again." in said
    layer.unlink()
    built.build()


def test_a_full_disk_keeps_the_old_layer(built):
    """What the composite writes beside its picture runs into a full device."""
    before = (built.folder / "results/final.png").read_bytes()
    (built.folder / "results/.final.png.part").symlink_to("/dev/full")
    built.edit("composite.finish.contrast", 1.5)
    said = refused(built, "results/final.png", "--retries", "0")
    assert "results/final.png could not be written: No space left on device. The disk is full" in said
    assert (built.folder / "results/final.png").read_bytes() == before
    built.build()
    assert (built.folder / "results/final.png").read_bytes() != before


def test_a_pass_that_fails_keeps_the_old_layer(built):
    before = built.bytes()
    built.edit("background.prompt", "a sea")
    built.edit("background.scheduler", "NoSuchScheduler")
    said = refused(built)
    assert "diffusers has no scheduler 'NoSuchScheduler'" in said
    assert built.bytes()["background.png"] == before["background.png"]
    log = (built.folder / "logs/background.log").read_text()
    assert "NoSuchScheduler" in log


def test_an_unreadable_mask_is_refused_before_a_model_is_loaded(empty):
    (empty.folder / "mask.png").write_text("not a picture")
    empty.edit("subjects.rover.mask", {"image": "mask.png"})
    said = refused(empty)
    assert "subjects.rover.mask.image" in said
    assert "mask.png" in said
    assert not (empty.folder / "logs/background.log").exists()


def test_colours_that_cannot_be_matched_are_refused_before_a_model_is_loaded(empty):
    empty.edit("subjects.rover.context", 0)
    empty.edit("subjects.rover.color_match", 1)
    said = refused(empty, "results/subjects/rover.png", "--retries", "0")
    assert "results/subjects/rover.png asks for color_match, but its mask fills all that the pass sees" in said
    assert "placed" not in (empty.folder / "logs/subjects/rover.log").read_text()


@pytest.mark.parametrize("cores", ["1", "8"])
def test_an_empty_mask_is_refused_before_a_model_is_loaded(empty, cores):
    empty.edit("subjects.rover.mask.feather", 100)
    assert "subjects.rover.mask is empty" in refused(empty, "results/final.png", "--cores", cores)
    assert not (empty.folder / "logs/background.log").exists()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("background.sed", 1, "config.yaml: background.sed is not a key of the schema. Did you mean seed?"),
        ("background.seed", "one", "config.yaml: background.seed is 'one', but must be a whole number"),
        (
            "subjects.a/b",
            {"prompt": "x", "mask": {"image": "x.png"}},
            "config.yaml: subjects holds a layer named 'a/b'",
        ),
        (
            "models.text_to_image.id",
            "models/none",
            "models.text_to_image.id is 'models/none', but there is no model_index",
        ),
        ("runtime", {"device": "tpu"}, "config.yaml: runtime.device is 'tpu', but must be"),
    ],
)
def test_a_wrong_config_stops_before_any_job(empty, key, value, said):
    empty.edit(key, value)
    assert said in refused(empty)
    assert not (empty.folder / "logs").exists()


def test_a_config_that_is_no_yaml_names_the_line(empty):
    (empty.folder / "config.yaml").write_text("background:\n  prompt: [a desert\n")
    said = refused(empty)
    assert "config.yaml is not YAML" in said
    assert "line 3" in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "config.yaml is missing. "),
        ("", "config.yaml is empty. Describe a scene in it: it needs `background: {prompt: ...}` at the least."),
        ("# Nothing yet.\n", "config.yaml is empty. "),
        ("background:\n", "config.yaml: background is null, but must be a mapping of keys"),
        (
            "background: {prompt: a desert, guidance_scale: .nan}\n",
            "config.yaml: background.guidance_scale is nan, but must be a finite number.",
        ),
        (
            "background: {prompt: a desert}\nruntime: {store: {limit_gb: .nan}}\n",
            "config.yaml: runtime.store.limit_gb is nan, but must be a finite number.",
        ),
    ],
    ids=["missing", "empty", "comment alone", "key without a value", "NaN", "NaN in the runtime"],
)
def test_a_config_that_describes_no_scene_is_a_sentence(empty, content, sentence):
    config = empty.folder / "config.yaml"
    config.unlink() if content is None else config.write_text(content)
    done = empty.snakemake("results/final.png")
    assert done.returncode == 1
    said = [line for line in done.stdout.splitlines() if not line.startswith("Using workflow specific profile")]
    assert len(said) == 1, done.stdout
    assert sentence in said[0]
    assert not (empty.folder / "logs").exists()


def test_another_config_file_makes_up_for_one_that_is_missing(built):
    (built.folder / "config.yaml").rename(built.folder / "other.yaml")
    assert built.planned("results/final.png", "--configfile", "other.yaml") == set()


def test_a_device_that_is_not_there_is_named(empty):
    said = refused(empty, "results/background.png", "--retries", "0", "--config", "runtime={device: 'cuda:7'}")
    assert "config.yaml: runtime.device is 'cuda:7', which this machine" in said


@pytest.mark.parametrize("worker", ["true", "false"])
def test_passes_take_turns_on_a_device_whatever_snakemake_allows(empty, worker):
    """Eight cores, and the profile's limit on gpus gone with another --resources."""
    empty.edit("effects.dust", empty.config["effects"]["fog"] | {"seed": 1})
    empty.build(
        "results/background.png",
        "results/effects/fog.png",
        "results/effects/dust.png",
        "--cores",
        "8",
        "--resources",
        "mem_mb=100000",
        "--config",
        f"runtime={{worker: {{enabled: {worker}}}}}",
    )
    journal = (empty.folder / ".strata/build.jsonl").read_text()
    passes = sorted(
        (entry["started"], entry["ended"], entry["device"]) for entry in map(json.loads, journal.splitlines())
    )
    assert len(passes) == 3
    assert {device for _, _, device in passes} == {"cpu"}
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(passes))
