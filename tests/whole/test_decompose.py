"""A picture taken apart by a tiny Qwen-Image-Layered, and the scene that comes of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from diffusers import FlowMatchEulerDiscreteScheduler, QwenImageLayeredPipeline
from diffusers.pipelines.qwenimage import pipeline_qwenimage_layered
from filelock import FileLock
from PIL import Image
from transformers import Qwen2VLImageProcessorPil

from helpers import tiny_parts
from helpers.tiny_families import SEED, name_as_on_the_hub
from helpers.working_folder import WorkingFolder
from strata.commands.main import main
from strata.diffusion.vision_processors import PictureProcessor
from strata.scene.scenes import Scenes

SIZE = (120, 80)
CHANNELS = 8  # of latents: the pipeline takes a picture of as many channels for latents, and RGBA has four


@pytest.fixture(scope="session")
def layered(shared) -> Path:
    folder = shared / "layered"
    with FileLock(shared / "layered.lock"):
        if not folder.exists():
            torch.manual_seed(SEED)
            tokenizer = tiny_parts.qwen_vision_tokenizer()
            QwenImageLayeredPipeline(
                scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
                vae=tiny_parts.qwen_autoencoder(CHANNELS, input_channels=4),
                text_encoder=tiny_parts.qwen_vision_language(),
                tokenizer=tokenizer,
                processor=PictureProcessor(Qwen2VLImageProcessorPil(max_pixels=56 * 56, min_pixels=56 * 56), tokenizer),
                transformer=tiny_parts.qwen_transformer(CHANNELS, use_additional_t_cond=True, use_layer3d_rope=True),
            ).save_pretrained(folder)
            name_as_on_the_hub(folder / "model_index.json")
    return folder


@pytest.fixture
def scene(models, tmp_path, monkeypatch) -> WorkingFolder:
    """The tiny scene and a photograph; what a layer has 640 x 640 pixels for has a few thousand here."""
    calculate = pipeline_qwenimage_layered.calculate_dimensions
    monkeypatch.setattr(
        pipeline_qwenimage_layered, "calculate_dimensions", lambda area, ratio: calculate(area // 60, ratio)
    )
    scene = WorkingFolder(tmp_path / "scene", models)
    monkeypatch.chdir(scene.folder)
    noise = np.random.default_rng(2).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8)
    Image.fromarray(noise).save("photo.png")
    return scene


def decompose(*arguments: str, model: Path) -> None:
    main(["decompose", "photo.png", "--model", str(model), "--prompt", "a street", "--steps", "2", *arguments])


def read_layers(name: str) -> list[Image.Image]:
    return [Image.open(path) for path in sorted(Path("images", name).glob("layer-*.png"))]


def test_a_picture_becomes_a_scene_that_is_edited_like_any_other(scene, layered, capsys):
    """Its layers are what the model made, the canvas is the picture's, and no model paints it."""
    decompose("--layers", "3", "scenes/street.yaml", model=layered)
    layers = read_layers("street")
    assert {layer.mode for layer in layers} == {"RGBA"}
    assert len({layer.size for layer in layers}) == 1
    assert f"scenes/street.yaml: {len(layers)} layers in images/street/" in capsys.readouterr().out
    found = Scenes(scene.config).find("street/")
    assert found.size == SIZE
    assert list(found.subjects) == [f"layer-{number}" for number in range(2, len(layers) + 1)]
    assert not found.effects
    target = "results/street/final.png"
    assert "nothing painted" in scene.build(target, "--resources", "gpu=0")
    with Image.open(target) as picture:
        assert picture.size == SIZE
        before = picture.tobytes()
    described = yaml.safe_load(Path("scenes/street.yaml").read_text())
    described["subjects"]["layer-2"] = {"image": "images/street/layer-2.png", "position": [10, 5], "scale": 0.5}
    scene.write(described, "scenes/street.yaml")
    scene.build(target)
    with Image.open(target) as picture:
        assert picture.tobytes() != before


def test_the_same_picture_gives_the_same_layers_and_another_seed_others(scene, layered):
    decompose("--layers", "2", "scenes/one.yaml", model=layered)
    decompose("--layers", "2", "scenes/two.yaml", model=layered)
    decompose("--layers", "2", "--seed", "5", "scenes/three.yaml", model=layered)
    one, two, three = ([layer.tobytes() for layer in read_layers(name)] for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def test_the_model_may_be_one_of_the_config_and_describe_the_picture_itself(scene, layered, monkeypatch):
    said = []
    monkeypatch.setattr(
        QwenImageLayeredPipeline,
        "get_image_caption",
        lambda self, image, **named: said.append(image.size) or "a street",
    )
    scene.edit("models.layered", {"id": str(layered)})
    main(["decompose", "photo.png", "--layers", "2", "--model", "layered", "--steps", "1", "scenes/street.yaml"])
    assert len(said) == 1
    assert read_layers("street")


def test_nothing_is_written_over_and_what_is_wrong_is_a_sentence(scene, layered, capsys):
    def refuse(*arguments: str, model: Path | str = layered, picture: str = "photo.png") -> str:
        with pytest.raises(SystemExit) as end:
            main(["decompose", picture, "--model", str(model), "--prompt", "x", *arguments])
        assert not Path("images").exists() or not list(Path("images").rglob("*.png"))
        return str(end.value)

    Path("scenes").mkdir()
    Path("scenes/there.yaml").write_text("background: {seed: 1}\n")
    assert "scenes/there.yaml is there already" in refuse("scenes/there.yaml")
    assert Path("scenes/there.yaml").read_text() == "background: {seed: 1}\n"
    Path("images/full").mkdir(parents=True)
    assert "images/full is there already" in refuse("scenes/full.yaml")
    assert "is no file of a scene" in refuse("elsewhere/street.yaml")
    assert "is no file of a scene" in refuse("scenes/A Street.yaml")
    assert "'gone.png', but there is no such file" in refuse("scenes/street.yaml", picture="gone.png")
    Image.new("RGB", (40, 200)).save("small.png")
    assert "has 40 x 200 pixels, and a canvas has 64 to 16384" in refuse("scenes/street.yaml", picture="small.png")
    assert "there is no model_index.json in a folder of that name" in refuse("scenes/street.yaml", model="./nowhere")
    painter = scene.config["models"]["text_to_image"]["id"]
    assert "is a StableDiffusionPipeline, which takes no picture apart" in refuse("scenes/street.yaml", model=painter)
    assert refuse("--layers", "1", "scenes/street.yaml") == "2"
    assert "1 is not a number from 2 to 16" in capsys.readouterr().err
    Path("config.yaml").unlink()
    assert "config.yaml, which is not here" in refuse("scenes/street.yaml")
    assert not Path("scenes/street.yaml").exists()
