"""Whole scenes in this process, on the tiny families: what the rules do, without the seconds that Snakemake takes."""

from pathlib import Path

from PIL import Image

from helpers.recorder import Recorder
from helpers.settings import make_runtime
from helpers.working_folder import scene as tiny_scene
from strata.diffusion.pipeline_cache import PipelineCache
from strata.files import read_file
from strata.imaging import compositing, depth, drawing, masks, png, stacks
from strata.painting import execution
from strata.painting.paint import obtain, resolve_paths
from strata.painting.request import Request
from strata.passes import GUIDES
from strata.scene.scene import Scene


class SceneBuilder:
    """Builds scenes as the rules do, in this process and in the current folder.

    Attributes:
        pictures: the layers, the masks and the final picture of the latest scene, by name.
        reports: what each of its passes reported, by name.
    """

    def __init__(self):
        self._pipelines = PipelineCache()
        self.pictures: dict[str, Image.Image] = {}
        self.reports: dict[str, Recorder] = {}

    def build(self, config: dict) -> tuple[dict[str, Image.Image], dict[str, Recorder]]:
        """Builds a scene, and returns `pictures` and `reports`."""
        scene = Scene(config, "config.yaml")
        self.pictures, self.reports = {}, {}
        background = scene.background()
        self._paint("background", background, [background["image"]] if "image" in background else ())
        looked_at = {guide.layer for name in scene.subjects for guide in scene.guides(name)}
        for name in sorted(scene.effects.keys() & looked_at):
            self._paint(name, scene.effect(name))
        for name in scene.subjects:
            mask = self._draw_mask(scene, name) if name in scene.masks else None
            plate = [f"{layer}.png" for layer in scene.plate(name)]
            for guide in scene.guides(name):
                if guide.layer and guide.is_depth:
                    self._estimate(scene, guide.layer)
            self._paint(name, scene.subject(name), plate, mask)
            if scene.subjects[name]["check"]:
                self._paint(f"checks/{name}", scene.check(name), [*plate, f"{name}.png"], mask)
        for name in (name for name in scene.effects if name not in looked_at):
            self._paint(name, scene.effect(name))
        if scene.description["refine"] is not None:
            spec = scene.refine()
            read = [self._find_depth(scene)] if spec["depth"] else []
            self._paint("refined", spec, [*(f"{entry['layer']}.png" for entry in scene.stack), *read])
        spec = scene.composite()
        size, files = (spec["width"], spec["height"]), [f"{entry['layer']}.png" for entry in spec["stack"]]
        distance = depth.read(spec["depth"], size, file=self._find_depth(scene)) if spec["depth"] else None
        final = compositing.flatten(size, stacks.read(spec["stack"], files, size, distance=distance))
        self.pictures["final"] = depth.defocus(final, distance, field) if (field := spec["depth_of_field"]) else final
        return self.pictures, self.reports

    def _find_depth(self, scene: Scene) -> str:
        """The file of a scene's depth picture, estimated now if it is to be."""
        described = scene.description["depth"]
        return described["image"] if described["of"] is None else self._estimate(scene, described["of"])

    def _estimate(self, scene: Scene, layer: str) -> str:
        """The file of a layer's depth, which is estimated now."""
        look = scene.perception.depth(layer)
        self._paint(f"depth/{layer}", look, [f"{seen}.png" for seen in look["plate"]])
        return f"depth/{layer}.png"

    def _draw_mask(self, scene: Scene, name: str) -> str:
        spec, path = scene.mask(name), f"masks/{name}.png"
        layer = next((f"{layer}.png" for layer in scene.mask_layers(name)), None)
        found = None
        if scene.is_by_words(name):
            look, found = scene.perception.text_mask(name), f"found/{name}.png"
            self._paint(f"found/{name}", look, [f"{layer}.png" for layer in look["plate"]])
        size = spec["width"], spec["height"]
        mask = masks.draw(spec["mask"], size, spec["scale"], spec["where"], layer=layer, found=found)
        png.write(path, mask)
        self.pictures[f"mask of {name}"] = mask
        return path

    def _paint(self, name: str, spec: dict, plate=(), mask: str | None = None) -> None:
        if "model" not in spec:
            png.write(f"{name}.png", drawing.draw(spec, read_file, mask))
            self.pictures[name] = self._load(f"{name}.png")
            return
        folder = "depth/" if (spec.get("control") or {}).get("kind") == "depth" else ""
        folders = {"reference": "", "style_picture": "", "control_picture": folder}
        guides = {
            part: guide["image"] or f"{folders[part]}{guide['layer']}.png"
            for part in GUIDES
            if (guide := spec.get(part))
        }
        made = Request(spec, f"{name}.png", make_runtime(), plate=tuple(plate), mask=mask, guides=guides)
        request = resolve_paths(made)
        Path(request.layer).unlink(missing_ok=True)  # one that is right already would be kept, and not painted again
        self.reports[name] = Recorder()
        obtain(request, self.reports[name], lambda *asked: execution.execute(*asked, self._pipelines))
        self.pictures[name] = self._load(request.layer)

    @staticmethod
    def _load(path: str) -> Image.Image:
        with Image.open(path) as image:
            image.load()
        return image


def describe_scene(folders: dict[str, Path], **canvas) -> dict:
    """The tiny scene on a family's models, its subjects at half strength."""
    config = tiny_scene(folders["text_to_image"].parent)
    config["models"] = {key: {"id": str(folder), "dtype": "float32"} for key, folder in folders.items()}
    for subject in config["subjects"].values():
        subject["strength"] = 0.5
    config["canvas"] |= canvas
    return config
