"""What is left of layers, scenes and sweeps that the config no longer has: named at the end of a build, and tidied away."""

from pathlib import Path

EVERYTHING = "Every file under results/ belongs to a scene.\n"


def rename(working_folder, name: str, other: str) -> None:
    """Renames a subject, and its entry in the composite."""
    config = working_folder.config
    config["subjects"] = {other if key == name else key: value for key, value in config["subjects"].items()}
    for entry in config["composite"]["layers"]:
        entry["layer"] = other if entry["layer"] == name else entry["layer"]
    working_folder.write(config)


def files(working_folder) -> set[str]:
    folder: Path = working_folder.folder
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def tidy(working_folder, *arguments: str) -> str:
    done = working_folder.strata("tidy", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_files_of_a_renamed_subject_are_named_listed_and_removed(built):
    rename(built, "rover", "robot")
    (built.folder / "results/subjects/sketch.txt").write_text("mine")
    (built.folder / "results/notes.png").write_bytes(b"mine, too")
    said = built.build()
    old = ["results/masks/rover.png", "results/subjects/rover.png"]
    assert f"No scene names {', '.join(old)} any more. `strata tidy` lists such files." in said
    before = files(built)

    *listed, last = tidy(built).splitlines()
    assert listed == old
    assert last == "2 files that no scene names any more. `strata tidy --yes` removes them."
    assert files(built) == before

    assert tidy(built, "--yes").splitlines() == [f"removed {path}" for path in old]
    assert files(built) == before - set(old)
    assert tidy(built) == tidy(built, "--yes") == EVERYTHING
    assert "any more" not in built.build("--forcerun", "composite", "results/final.png")
    assert built.planned() == set()


def test_a_subject_that_comes_back_is_not_painted_again(built):
    before = built.bytes()
    rename(built, "rover", "robot")
    built.build()
    tidy(built, "--yes")
    rename(built, "robot", "rover")
    assert " painted" not in built.build()
    tidy(built, "--yes")
    assert built.bytes() == before


def test_the_files_of_a_scene_an_effect_and_a_sweep_that_are_gone_are_removed(built):
    original, before = built.config, files(built)
    config = built.config
    config["effects"]["mist"] = config["effects"]["fog"] | {"seed": 1}
    config["composite"]["layers"].append({"layer": "mist", "opacity": 0.1})
    config["sweeps"] = {"fogs": {"keys": {"mist.opacity": [0.1, 0.3]}, "width": 64}}
    built.write(config)
    built.write({"background": {"seed": 5}}, "scenes/dusk.yaml")
    built.build("results/sweeps/fogs.png", "results/dusk/final.png", "results/final.png")
    assert tidy(built) == EVERYTHING

    built.write(original)
    (built.folder / "scenes/dusk.yaml").unlink()
    tidy(built, "--yes")
    left = {path for path in files(built) - before if path.startswith("results/")}
    assert left == set()
    assert not (built.folder / "results/dusk").exists()
    assert not (built.folder / "results/sweeps").exists()
    assert {path for path in before if path.startswith("results/")} <= files(built)


def test_nothing_is_removed_while_the_config_is_wrong(built):
    before = files(built)
    rename(built, "rover", "robot")
    built.edit("background.sed", 1)
    refused = built.strata("tidy", "--yes")
    assert refused.returncode == 1
    assert refused.stdout == "config.yaml: background.sed is not a key of the schema. Did you mean seed?\n"
    assert files(built) == before


def test_nothing_is_removed_while_a_scene_is_wrong(built):
    built.write({"effects": {"fog": {"seed": 7}}}, "scenes/dusk.yaml")
    built.build("results/dusk/final.png")
    before = files(built)
    built.write({"effects": {"fog": {"sed": 7}}}, "scenes/dusk.yaml")
    refused = built.strata("tidy", "--yes")
    assert refused.returncode == 1
    assert "scenes/dusk.yaml: effects.fog.sed is not a key of the schema" in refused.stdout
    assert files(built) == before
