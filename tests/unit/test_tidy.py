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
