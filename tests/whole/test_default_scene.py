"""The default scene on the embedded models: what a newcomer gets from the first command."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from helpers.working_folder import ROOT, WorkingFolder
from strata.exports import reading
from strata.imaging import compositing

GOLDEN = ROOT / "tests/whole/golden/default.png"
SHOWN = ROOT / "docs/final.png"
THUMBNAIL = (48, 32)

# Levels of 255, on average over a region. Another processor rounds otherwise, and a sampler of 40 steps carries that on: in
# float32 instead of bfloat16 the picture differs by 1 to 3. A subject that is missing makes 30 and more of its own region.
TOLERANCES = {"astronaut": 15, "hovercraft": 15, "sky": 10, "ground": 10}

FILES = {
    "background": "background",
    "astronaut": "subjects/astronaut",
    "hovercraft": "subjects/hovercraft",
    "fog": "effects/fog",
}


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> WorkingFolder:
    """The built scene. With STRATA_WRITE_GOLDEN=1, the golden picture and the README's are written anew from it."""
    folder = tmp_path_factory.mktemp("default")
    shutil.copy(ROOT / "config.yaml", folder)
    working_folder = WorkingFolder(folder, folder)
    working_folder.build()
    if os.environ.get("STRATA_WRITE_GOLDEN"):
        with Image.open(folder / "results/final.png") as image:
            picture = image.convert("RGB")
        picture.save(SHOWN, optimize=True)
        picture.resize(THUMBNAIL, Image.Resampling.BOX).save(GOLDEN)
    return working_folder


def pixels(working_folder: WorkingFolder, name: str) -> np.ndarray:
    with Image.open(working_folder.folder / f"results/{name}.png") as image:
        return np.asarray(image).astype(float)


def thumbnail(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize(THUMBNAIL, Image.Resampling.BOX)).astype(float)


def find_regions(working_folder: WorkingFolder) -> dict[str, np.ndarray]:
    """Which pixels of the thumbnail lie in each subject's mask, and in the upper and the lower half of the rest."""
    regions = {}
    for name in ("astronaut", "hovercraft"):
        with Image.open(working_folder.folder / f"results/masks/{name}.png") as mask:
            regions[name] = np.asarray(mask.resize(THUMBNAIL, Image.Resampling.BOX)) > 127
    rest = ~(regions["astronaut"] | regions["hovercraft"])
    upper = np.indices(rest.shape)[0] < THUMBNAIL[1] // 2
    return regions | {"sky": rest & upper, "ground": rest & ~upper}


def find_strangers(working_folder: WorkingFolder, picture: Image.Image) -> set[str]:
    """The regions in which a picture is not the golden one."""
    with Image.open(GOLDEN) as golden:
        difference = np.abs(thumbnail(picture) - thumbnail(golden))
    regions = find_regions(working_folder)
    return {name for name, region in regions.items() if difference[region].mean() > TOLERANCES[name]}


def composite_without(working_folder: WorkingFolder, missing: str) -> Image.Image:
    """The final picture, flattened and finished without one of its layers."""
    composite = reading.read(working_folder.folder / "results/final.png").scene["composite"]
    stack = []
    for entry in composite["layers"]:
        if entry["layer"] != missing:
            with Image.open(working_folder.folder / f"results/{FILES[entry['layer']]}.png") as image:
                image.load()
            layer = compositing.Layer(image, entry["opacity"], entry["blur"], entry["blend"])
            stack.append(compositing.quantise(layer))
    return compositing.finish(compositing.flatten((768, 512), stack), **composite["finish"])


@pytest.mark.parametrize("path", ["results/final.png", SHOWN], ids=["built", "shown in the README"])
def test_the_picture_is_the_golden_one(default, path):
    """STRATA_WRITE_GOLDEN=1 pytest -n 0 tests/whole/test_default_scene.py writes both anew. Look at docs/final.png then."""
    with Image.open(default.folder / path) as image:
        assert image.size == (768, 512)
        assert find_strangers(default, image) == set()


def test_a_composite_of_all_layers_is_the_picture(default):
    with Image.open(default.folder / "results/final.png") as image:
        assert composite_without(default, "nothing").tobytes() == image.convert("RGB").tobytes()


@pytest.mark.parametrize("name", ["astronaut", "hovercraft"])
def test_a_missing_subject_is_seen_in_its_region_and_nowhere_else(default, name):
    assert find_strangers(default, composite_without(default, name)) == {name}


def test_missing_fog_is_seen(default):
    assert find_strangers(default, composite_without(default, "fog")) == set(TOLERANCES)


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
