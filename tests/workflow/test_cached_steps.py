"""What an edit of a model's cache costs: a real `snakemake -n` after a build on a family that has one."""

from helpers.working_folder import WorkingFolder

TARGET = "results/background.png"


def test_how_steps_skip_blocks_counts(models_of, tmp_path):
    folders = models_of("kontext")
    scene = WorkingFolder(tmp_path / "scene", folders["text_to_image"].parent)
    key, cache = "models.text_to_image.speed", {"kind": "taylor_seer", "interval": 3}
    scene.edit("models.inpainting", scene.config["models"]["text_to_image"])
    scene.build(TARGET)
    scene.edit(key, {"cache": cache})
    assert scene.planned(TARGET) == {"background"}
    scene.build(TARGET)
    assert scene.planned(TARGET) == set()
    for change in ({"interval": 4}, {"threshold": 0.1}, {"kind": "first_block"}):
        scene.edit(key, {"cache": cache | change})
        assert scene.planned(TARGET) == {"background"}, change
    scene.edit(key, None)
    assert "background from the store" in scene.build(TARGET)
