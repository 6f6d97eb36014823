"""`strata pick`: the values of a cell go into the scene's file, and nothing else of it changes."""

from pathlib import Path

import pytest
import yaml

from strata.commands.main import main
from strata.scene.scenes import Scenes


@pytest.fixture
def folder(config, tmp_path) -> Path:
    """A folder with two sweeps: one of config.yaml, one of a scene in scenes/."""
    config["sweeps"] = {
        "fogs": {"keys": {"fog.opacity": [0.1, 0.9], "fog.seed": [1]}},
        "nights": {"scene": "night", "keys": {"fog.blur": [5]}},
    }
    (tmp_path / "config.yaml").write_text(f"# My scene.\n{yaml.safe_dump(config, sort_keys=False)}# The end.\n")
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("background: {prompt: a night} # dark\n")
    return tmp_path


def test_a_picked_cell_is_written_into_the_scene(folder, capsys):
    before = (folder / "config.yaml").read_text()
    main(["pick", "fogs", "2"])
    assert capsys.readouterr().out == "config.yaml: fog.opacity is 0.9, fog.seed is 1\n"
    after = (folder / "config.yaml").read_text()
    config = yaml.safe_load(after)
    assert config["composite"]["layers"][3] == {"layer": "fog", "opacity": 0.9, "blur": 2}
    assert config["effects"]["fog"]["seed"] == 1
    assert after.startswith("# My scene.\n")
    assert after.endswith("# The end.\n")
    assert len(set(before.splitlines()) ^ set(after.splitlines())) == 4  # two lines, before and after


def test_a_picked_cell_goes_to_the_scene_that_was_swept(folder):
    config = (folder / "config.yaml").read_text()
    main(["pick", "nights", "1"])
    assert (folder / "config.yaml").read_text() == config
    text = (folder / "scenes/night.yaml").read_text()
    assert text.startswith("background: {prompt: a night} # dark\n")
    night = Scenes(yaml.safe_load(config)).find("night/")
    assert night.stack[3]["blur"] == 5.0
    assert [entry["layer"] for entry in night.stack] == ["background", "astronaut", "rover", "fog"]
    assert night.background()["prompt"] == "a night"


def test_layers_that_were_left_to_defaults_are_listed_before_one_is_changed(folder):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    del config["composite"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    before = Scenes(config).find("").stack
    main(["pick", "fogs", "2"])
    after = Scenes(yaml.safe_load((folder / "config.yaml").read_text())).find("").stack
    assert after == [*before[:3], before[3] | {"opacity": 0.9}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fogs", "3"], "The sweep fogs has the cells 1 to 2, but no 3."),
        (["fogs", "0"], "The sweep fogs has the cells 1 to 2, but no 0."),
        (["rain", "1"], "config.yaml: sweeps has no rain. There are: fogs, nights."),
    ],
)
def test_a_wrong_pick_is_a_sentence(folder, arguments, said):
    with pytest.raises(SystemExit) as end:
        main(["pick", *arguments])
    assert end.value.code == said


@pytest.mark.parametrize("arguments", [[], ["fogs"], ["fogs", "two"], ["fogs", "1", "2"]])
def test_a_pick_without_a_cell_shows_what_it_takes(folder, arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["pick", *arguments])
    assert end.value.code == 2
    assert "usage: strata pick [-h] sweep cell" in capsys.readouterr().err
