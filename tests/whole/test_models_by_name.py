"""A scene with three models: each pass by its own, in the order that loads the fewest, and the loads are told."""

import json
import re
import shutil

import numpy as np
from PIL import Image

from helpers import tiny_models
from helpers.in_process import SceneBuilder
from strata.diffusion import pipeline_cache
from strata.painting import worker_client
from strata.state import JOURNAL


def describe(folder, models) -> dict:
    """Three models in the order that is worst: by turns, the first one again at the end."""
    from helpers.working_folder import scene

    base, inpainting = (shutil.copytree(models / name, folder / name) for name in ("text-to-image", "inpainting"))
    tiny_models.inpainting(folder / "portraits", seed=8)
    config = scene(folder)
    config["models"] = {
        "text_to_image": {"id": str(base)},
        "inpainting": {"id": str(inpainting)},
        "portraits": {"id": str(folder / "portraits")},
    }
    astronaut, rover = config["subjects"]["astronaut"], config["subjects"]["rover"]
    config["subjects"] = {
        "astronaut": astronaut | {"context": 4},
        "face": astronaut | {"context": 4, "model": "portraits", "mask": shifted(150)},
        "rover": rover | {"context": 4},
        "second": astronaut | {"context": 4, "model": "portraits", "mask": shifted(230), "seed": 1},
    }
    config["effects"]["fog"] |= {"model": "text_to_image"}
    config["composite"] = {}
    config["canvas"] |= {"width": 320}  # wide enough for all of them to be out of each other's sight
    return config


def shifted(x: int) -> dict:
    return {"shapes": [{"shape": "rectangle", "bbox": [x, 16, x + 10, 48]}], "feather": 0}


def test_models_are_loaded_as_few_times_as_the_layers_allow(empty, models, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "models-by-name")  # a machine where no worker holds any of them yet
    empty.write({"runtime": {"threads": 1}} | describe(tmp_path / "own", models))
    said = empty.build()
    assert re.search(r"; 3 models loaded; \d", said)
    entries = [json.loads(line) for line in (empty.folder / JOURNAL).read_text().splitlines()]
    painted = [entry["layer"].rpartition("/")[2][:-4] for entry in entries if entry["how"] == "painted"]
    kinds = {"background": "base", "fog": "base", "face": "portraits", "second": "portraits"}
    used = [kinds.get(name, "inpainting") for name in painted]
    assert sorted(painted) == ["astronaut", "background", "face", "fog", "rover", "second"]
    assert len([name for place, name in enumerate(used) if place == 0 or used[place - 1] != name]) == 3
    assert "loaded" not in empty.build()
    worker_client.ask(worker_client.find_socket(), "stop")


def test_in_the_worst_order_a_device_that_holds_one_model_loads_six(models, tmp_path, monkeypatch):
    """What the order saves; each pass is painted by the model that it names, exact outside its mask."""
    config = describe(tmp_path / "own", models)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline_cache, "MOST_HELD", 1)
    builder = SceneBuilder()
    pictures, _ = builder.build(config)
    assert builder._pipelines.count_loads("cpu") == 6
    for name in config["subjects"]:
        layer, mask = np.asarray(pictures[name]), np.asarray(pictures[f"mask of {name}"])
        assert (layer[mask == 0] == 0).all()
        with Image.open(f"{name}.png") as image:
            model = json.loads(image.text["strata"])["pass"]["model"]["id"]
        assert model.endswith("portraits" if name in ("face", "second") else "inpainting")
