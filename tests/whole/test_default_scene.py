"""The default scene on the embedded models: what a newcomer gets from the first command."""

import shutil

import numpy as np
import pytest
from PIL import Image

from helpers.working_folder import ROOT, WorkingFolder

GOLDEN = ROOT / "tests/whole/golden/default.png"
THUMBNAIL = (48, 32)

# Levels of 255, on average. Another processor rounds otherwise, and a sampler of 40 steps carries that on.
TOLERANCE = 14


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> WorkingFolder:
    folder = tmp_path_factory.mktemp("default")
    shutil.copy(ROOT / "config.yaml", folder)
    working_folder = WorkingFolder(folder, folder)
    working_folder.build()
    return working_folder


def pixels(working_folder: WorkingFolder, name: str) -> np.ndarray:
    with Image.open(working_folder.folder / f"results/{name}.png") as image:
        return np.asarray(image).astype(float)


def test_the_picture_is_the_one_that_is_shown(default):
    with Image.open(default.folder / "results/final.png") as image, Image.open(GOLDEN) as golden:
        seen = np.asarray(image.convert("RGB").resize(THUMBNAIL, Image.Resampling.BOX)).astype(float)
        assert image.size == (768, 512)
        assert np.abs(seen - np.asarray(golden.convert("RGB"))).mean() < TOLERANCE


def test_the_desert_is_warm_with_a_sky_above_it(default):
    background = pixels(default, "background")
    sky, horizon, ground = background[:170], background[220:290], background[400:]
    assert horizon[..., 0].mean() > horizon[..., 2].mean() + 60
    assert ground[..., 0].mean() > ground[..., 2].mean() + 10
    assert np.abs(sky.mean((0, 1)) - ground.mean((0, 1))).max() > 30
    assert background.std() > 20


@pytest.mark.parametrize("name", ["astronaut", "hovercraft"])
def test_a_subject_stands_out_from_its_plate(default, name):
    background, layer = pixels(default, "background"), pixels(default, f"subjects/{name}")
    inside = layer[..., 3] > 250
    assert np.abs(layer[inside][:, :3] - background[inside]).mean() > 15


def test_fog_is_bright_and_soft(default):
    fog = pixels(default, "effects/fog")
    assert fog.mean() > 90
    assert np.abs(np.diff(fog, axis=1)).mean() < 3
