"""`strata tidy`: what no scene names any more is listed, and removed only if that is asked for."""

from pathlib import Path

import pytest
import yaml

from strata.commands.main import main


@pytest.fixture(autouse=True)
def results(config) -> Path:
    Path("config.yaml").write_text(yaml.safe_dump(config))
    for name in ("subjects/rover.png", "subjects/dragon.png", "gone/effects/fog.png", "notes.txt"):
        path = Path("results", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return Path("results")


def list_files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_leftovers_are_listed_and_stay(results, capsys):
    before = list_files(results)
    main(["tidy"])
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["results/gone/effects/fog.png", "results/subjects/dragon.png"]
    assert said[2].startswith("2 files that no scene names any more. `strata tidy --yes` removes them.")
    assert list_files(results) == before


def test_leftovers_are_removed_with_the_folders_that_they_leave_empty(results, capsys):
    main(["tidy", "--yes"])
    assert capsys.readouterr().out.splitlines() == [
        "removed results/gone/effects/fog.png",
        "removed results/subjects/dragon.png",
    ]
    assert list_files(results) == ["notes.txt", "subjects", "subjects/rover.png"]
    main(["tidy", "--yes"])
    assert capsys.readouterr().out == "Every file under results/ belongs to a scene.\n"


def test_a_config_that_is_wrong_removes_nothing(results):
    before = list_files(results)
    Path("config.yaml").write_text("background: {prompt: x, promt: y}\n")
    with pytest.raises(SystemExit, match="promt is not a key"):
        main(["tidy", "--yes"])
    assert list_files(results) == before


def test_a_mask_that_an_image_no_longer_has_and_what_was_refined_are_leftovers(results, config, capsys):
    for name in ("masks/rover.png", "refined.png", "own.png"):
        (results / name).parent.mkdir(exist_ok=True)
        (results / name).touch()
    Path("own.png").touch()
    config["subjects"]["rover"] = {"image": "own.png"}
    Path("config.yaml").write_text(yaml.safe_dump(config))
    main(["tidy"])
    said = capsys.readouterr().out.splitlines()
    assert {"results/masks/rover.png", "results/refined.png"} < set(said)
    assert not any("subjects/rover" in line or "results/own.png" in line for line in said)
    config["refine"] = {"prompt": "x"}
    config["subjects"]["rover"]["mask"] = {"image": "own.png"}
    Path("config.yaml").write_text(yaml.safe_dump(config))
    main(["tidy"])
    assert not {"results/masks/rover.png", "results/refined.png"} & set(capsys.readouterr().out.splitlines())
