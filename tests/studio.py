"""Whole scenes in this process, on the tiny families: what the rules do, where a Snakemake for each would take its time."""

import io
from pathlib import Path

from PIL import Image

from strata.imaging import compositing, masks, png
from strata.painting import execution
from strata.diffusion.pipeline_cache import Shelf
from strata.painting.paint import located, obtain
from strata.painting.progress import Log
from strata.painting.request import Request
from strata.scene.scene import Scene
from strata.scene.scenes import RUNTIME
from workshop import scene as tiny_scene

RUNTIME_SETTINGS = RUNTIME.complete({"device": "cpu", "threads": 1, "store": {"limit_gb": 0}}, "a test")


class Told(Log):
    """A log that remembers what it was told."""

    def __init__(self):
        super().__init__("a layer", io.StringIO(), io.StringIO())
        self.steps, self.notes = [], []

    def step(self, done: int, steps: int) -> None:
        self.steps.append((done, steps))

    def note(self, text: str) -> None:
        self.notes.append(text)


class Studio:
    """Builds scenes as the rules do, in this process and in the current folder, where a whole Snakemake takes its time."""

    def __init__(self):
        self._shelf = Shelf()

    def build(self, config: dict) -> tuple[dict[str, Image.Image], dict[str, Told]]:
        """Returns the layers, the masks and the final picture by name, and what was told of each pass."""
        scene = Scene(config, "config.yaml")
        self.pictures, self.told = {}, {}
        self._paint("background", scene.background())
        for name in scene.subjects:
            spec = scene.mask(name)
            mask = masks.draw(spec["mask"], (spec["width"], spec["height"]), spec["scale"], spec["where"])
            png.write(f"masks/{name}.png", mask)
            self.pictures[f"mask of {name}"] = mask
            self._paint(name, scene.inpaint(name), [f"{layer}.png" for layer in scene.plate(name)], f"masks/{name}.png")
        for name in scene.effects:
            self._paint(name, scene.effect(name))
        spec = scene.composite()
        stack = [compositing.Layer(self.pictures[entry["layer"]]) for entry in spec["stack"]]
        self.pictures["final"] = compositing.flatten((spec["width"], spec["height"]), stack)
        return self.pictures, self.told

    def _paint(self, name: str, spec: dict, plate=(), mask: str | None = None) -> None:
        request = located(Request(spec, f"{name}.png", RUNTIME_SETTINGS, plate=tuple(plate), mask=mask))
        self.told[name] = Told()
        obtain(request, self.told[name], lambda *asked: execution.perform(*asked, self._shelf))
        with Image.open(request.layer) as image:
            image.load()
        self.pictures[name] = image


def described(folders: dict[str, Path], **canvas) -> dict:
    """The tiny scene on a family's models, its subjects at half strength."""
    config = tiny_scene(folders["text_to_image"].parent)
    config["models"] = {key: {"id": str(folder), "dtype": "float32"} for key, folder in folders.items()}
    for subject in config["subjects"].values():
        subject["strength"] = 0.5
    config["canvas"] |= canvas
    return config
