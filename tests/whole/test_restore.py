"""The way back: a final picture gives the scene that built it, and that scene gives its bytes again."""

import yaml

from strata.exports import reading


def restore(folder, *arguments: str) -> str:
    done = folder.strata("restore", *arguments)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_a_final_picture_holds_the_whole_scene_with_what_painted_it(finished):
    found = reading.read(finished.folder / "results/final.png")
    described = {key: value for key, value in finished.config.items() if key != "runtime"}
    assert found.scene == reading.complete(described, "config.yaml")
    assert list(found.scene["subjects"]) == ["astronaut", "rover"]
    assert found.layers.keys() == {"background", "astronaut", "rover", "fog"}
    for layer in found.layers.values():
        assert layer["pass"]["model"]["fingerprint"]
        assert {"strata", "torch", "diffusers"} <= layer["made_by"].keys()
    assert {"strata", "pillow", "numpy"} == found.made_by.keys()


def test_what_differs_is_written_and_builds_the_same_bytes(built):
    picture = (built.folder / "results/final.png").read_bytes()
    (built.folder / "kept.png").write_bytes(picture)
    config = built.config
    config["background"]["seed"] = 5
    config["subjects"]["robot"] = config["subjects"].pop("rover") | {"prompt": "a robot"}
    config["composite"] = {"layers": [{"layer": "background"}, {"layer": "robot"}]}
    built.write(config)
    said = restore(built, "kept.png", "--write", "scenes/again.yaml")
    assert said.startswith("scenes/again.yaml: differs from config.yaml in background, subjects, composite.")
    change = yaml.safe_load((built.folder / "scenes/again.yaml").read_text())
    assert change["background"] == {"seed": 77}
    assert change["subjects"]["robot"] is None
    assert "models" not in change
    built.build("results/again/final.png")
    assert (built.folder / "results/again/final.png").read_bytes() == picture


def test_the_whole_scene_is_printed_or_written_for_a_folder_of_its_own(built, tmp_path):
    printed = yaml.safe_load(restore(built, "results/final.png"))
    assert printed["background"]["prompt"] == "a desert"
    restore(built, "results/final.png", "--write", str(tmp_path / "other/config.yaml"))
    assert yaml.safe_load((tmp_path / "other/config.yaml").read_text()) == printed
    refused = built.strata("restore", "results/final.png", "--write", str(tmp_path / "other/config.yaml"))
    assert refused.returncode == 1
    assert "is there already. Give another name" in refused.stdout


def test_an_enlarged_picture_carries_the_scene(built):
    built.build("results/final@2x.png")
    assert reading.read(built.folder / "results/final@2x.png").scene["background"]["seed"] == 77


def test_what_keeps_the_picture_from_coming_back_is_said(built):
    from PIL import Image

    path = built.folder / "results/subjects/rover.png"
    with Image.open(path) as image:
        retouched = image.convert("RGBA")
    retouched.paste((255, 0, 0, 255), (70, 30, 80, 40))
    retouched.save(path)
    built.build()
    assert "rover was retouched by hand" in restore(built, "results/final.png")
