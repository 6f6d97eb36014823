"""`strata plan`: what it says comes true."""

import json

import pytest

from helpers.working_folder import WorkingFolder


def plan(folder: WorkingFolder, *arguments: str, code: int = 2) -> dict[str, dict]:
    """The steps of a plan by their layers, and the totals by "total"."""
    done = folder.strata("plan", "--json", *arguments)
    assert done.returncode == code, done.stdout
    said = json.loads(done.stdout)
    names = [step["layer"].removeprefix("results/").removesuffix(".png") for step in said["steps"]]
    return dict(zip(names, said.pop("steps"), strict=True)) | {"total": said}


def actions(steps: dict[str, dict]) -> dict[str, str]:
    """What happens to each layer to which something does."""
    return {name: step["action"] for name, step in steps.items() if name != "total" and step["why"]}


def test_a_scene_that_was_never_built_is_all_to_do(empty):
    steps = plan(empty)
    assert actions(steps) == {
        "background": "paint",
        "masks/astronaut": "draw",
        "subjects/astronaut": "paint",
        "masks/rover": "draw",
        "subjects/rover": "paint",
        "effects/fog": "paint",
        "final": "composite",
    }
    assert steps["background"]["why"] == ["never built"]
    assert steps["background"]["seconds"] is None
    assert (steps["total"]["passes"], steps["total"]["unknown"]) == (4, 4)
    assert not (empty.folder / "results").exists()


def test_after_a_build_there_is_nothing_to_do(built):
    steps = plan(built, code=0)
    assert {step["action"] for name, step in steps.items() if name != "total"} == {"keep"}
    assert built.strata("plan").stdout == "Nothing to do: all layers are right.\n"


def test_an_edit_that_is_not_saved_is_planned_as_the_saved_one(built):
    before = (built.folder / "config.yaml").read_text()
    asked = plan(built, "--edit", "astronaut.seed=43", "--edit", "fog.opacity=0.5")
    assert (built.folder / "config.yaml").read_text() == before
    built.edit("subjects.astronaut.seed", 43)
    layers = built.config["composite"]["layers"]
    built.edit("composite.layers", [*layers[:3], layers[3] | {"opacity": 0.5}])
    assert plan(built) == asked
    assert asked["subjects/astronaut"]["why"] == ["subjects.astronaut.seed: 42 → 43"]
    assert asked["subjects/astronaut"]["seconds"] > 0
    assert asked["subjects/rover"]["why"] == ["sees astronaut"]
    assert asked["final"]["why"] == ["composite.layers.fog.opacity: 0.3 → 0.5", "sees astronaut", "sees rover"]


def test_an_edit_of_a_scene_in_a_file(built):
    built.write({"background": {"prompt": "a night"}}, "scenes/night.yaml")
    steps = plan(built, "--scene", "night", "--edit", "background.seed=5")
    assert {name.partition("/")[0] for name in steps} == {"night", "total"}
    assert plan(built, "results/final.png", code=0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--edit", "background.sed=1"], "--edit sets background.sed, which is no key of the scene"),
        (["--edit", "seed"], "The edit 'seed' must be a key and a value"),
        (["--edit", "background.seed=[1"], "The edit of background.seed has a value that is not YAML"),
        (["--edit", "background.seed=one"], "config.yaml: background.seed is 'one', but must be a whole number"),
        (["results/nope.png"], "No rule makes results/nope.png"),
        (["final.png"], "The target 'final.png' is no file under results/"),
        (["--scene", "night"], "There is no scene night"),
        (["results/sweeps/x.png"], "sweeps has no x"),
    ],
)
def test_what_cannot_be_planned_is_a_sentence(built, arguments, said):
    done = built.strata("plan", *arguments)
    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stdout


def test_an_edit_taken_back_is_known_to_come_from_the_store(built):
    built.edit("background.seed", 5)
    steps = plan(built)
    assert (steps["subjects/rover"]["action"], steps["subjects/rover"]["certain"]) == ("paint", False)
    built.build()
    built.edit("background.seed", 77)
    expected = dict.fromkeys(("background", "subjects/astronaut", "subjects/rover"), "store")
    assert actions(plan(built)) == expected | {"final": "composite"}
    assert "background, astronaut, rover from the store" in built.build()
    assert plan(built, code=0)


def test_without_the_store_an_edit_taken_back_is_painted(built):
    built.edit("runtime.store", {"limit_gb": 0})
    built.edit("effects.fog.seed", 5)
    built.build()
    built.edit("effects.fog.seed", 200)
    assert actions(plan(built)) == {"effects/fog": "paint", "final": "composite"}


def test_a_layer_that_failed_says_so(built):
    built.edit("background.prompt", "a sea")
    built.edit("runtime.device", "cuda:7")
    assert built.snakemake("results/final.png").returncode == 1
    assert plan(built)["background"]["why"][0] == "failed last time"


def test_a_fresh_clone_of_right_layers_keeps_its_passes(built):
    import shutil

    shutil.rmtree(built.folder / ".strata/records")
    steps = plan(built)
    assert (steps["background"]["action"], steps["background"]["why"]) == ("keep", ["no record of how it was made"])


def test_a_price_is_told(built):
    built.edit("runtime.price_per_hour", 3600)
    assert plan(built, code=0)["total"]["price"] == 0
    built.edit("effects.fog.seed", 5)
    total = plan(built)["total"]
    assert total["price"] == pytest.approx(total["device_seconds"], abs=0.001)
    assert "at 3600 an hour" in built.strata("plan").stdout


def test_a_dry_run_of_snakemake_is_the_plan(built):
    built.edit("effects.fog.seed", 5)
    done = built.snakemake("-n", "results/final.png")
    said = done.stdout.splitlines()[1:]
    assert said == built.strata("plan").stdout.splitlines()
    assert "effects.fog.seed: 200 → 5" in done.stdout


def test_an_input_image_is_a_reason(built):
    from PIL import Image

    Image.new("RGB", (50, 20), (90, 90, 90)).save(built.folder / "fog.png")
    built.edit("effects.fog", {"image": "fog.png"})
    built.build()
    Image.new("RGB", (50, 20), (120, 90, 90)).save(built.folder / "fog.png")
    assert plan(built)["effects/fog"]["why"] == ["fog.png changed"]


def test_a_plan_is_made_while_a_build_holds_the_folder(built):
    from filelock import FileLock

    built.edit("effects.fog.seed", 5)
    with FileLock(built.folder / ".strata/build.lock"):
        assert actions(plan(built)) == {"effects/fog": "paint", "final": "composite"}


def test_what_a_picture_says_of_its_scene_is_a_reason_where_there_is_no_other(built):
    built.edit("effects.fog.seed", 5)
    assert plan(built)["final"]["why"] == ["sees fog"]
    built.edit("effects.fog.seed", 200)
    built.edit("upscale.seed", 3)
    assert plan(built)["final"]["why"] == ["upscale.seed: 0 → 3"]


def test_a_dry_run_that_shows_the_plan_takes_nothing_from_others_in_its_process(built):
    """Those of other workflows list their jobs, as those of this one do with --verbose."""
    built.edit("effects.fog.prompt", "thick fog")
    code, said = built._dry_run("-n", "results/final.png")
    assert code == 0 and "output: " not in said
    assert built.planned() == {"effects/fog", "final"}
