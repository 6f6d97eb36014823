"""What each file under results/ is made from: the graph of layers, masks, pictures and sheets of all scenes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from strata.code_digests import digest_code
from strata.errors import StrataError
from strata.scene import exports, paths
from strata.scene.guides import Source
from strata.scene.layer import Export, GuideFile, Layer
from strata.scene.layer_folders import Kind, LayerFolders
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from strata.scene.variations import SIGN

EXPORTS_BY_FILE: Mapping[str, Export] = {
    paths.EXPORTS["psd"]: "psd",
    paths.EXPORTS["openraster"]: "openraster",
    paths.EXPORTS["view"]: "view",
}


class Layers:
    """The files of all scenes, described when they are first asked for.

    `folder` is a scene's, empty or with its slash, see scene/scenes.py. What is no layer raises a StrataError.
    """

    def __init__(self, scenes: Scenes):
        self.scenes = scenes
        self._folders = LayerFolders(scenes)
        self._known: dict[str, Layer] = {}

    def find(self, file: str) -> Layer:
        """A file by its path, relative to the folder of all results.

        Raises:
            StrataError: no rule makes such a file, or no scene has it.
        """
        if file in self._known:
            return self._known[file]
        section, _, rest = file.partition("/")
        if section == paths.SWEEPS and rest.endswith(".png"):
            return self.sweep(rest.removesuffix(".png"))
        if section == paths.SWEEPS and rest.endswith(".html"):
            return self.sweep_view(rest.removesuffix(".html"))
        if (match := paths.FILE.fullmatch(file)) is None:
            raise StrataError(
                f"No rule makes {paths.RESULTS}/{file}. Ask for {paths.RESULTS}/{paths.final('')}, for example."
            )
        folder, name = match["folder"], match["name"]
        if (export := EXPORTS_BY_FILE.get(name)) is not None:
            return self.export(folder, export)
        section, _, layer = name.removesuffix(".png").removesuffix(".json").rpartition("/")
        match section, layer:
            case "found", _:
                return self.find_text(folder, layer)
            case "depth", _:
                return self.estimate_depth(folder, layer)
            case "checks", _:
                return self.check(folder, layer)
            case "masks", _:
                return self.mask(folder, layer)
            case "subjects", _:
                return self.subject(folder, layer)
            case "effects", _:
                return self.effect(folder, layer)
            case _, "background":
                return self.background(folder)
            case _, "refined":
                return self.refine(folder)
            case _, "final":
                return self.composite(folder)
            case _, "scene.yaml":
                return self.scene(folder)
            case _, enlarged:
                return self.upscale(folder, int(enlarged.removeprefix("final@").removesuffix("x")))

    def scene(self, folder: str) -> Layer:
        """The file of the effective scene."""

        def describe(scene: Scene, file: str) -> Layer:
            spec = {"scene": scene.effective(), "notes": scene.notes(), "code": digest_code("scene")}
            return Layer("scene", file, spec)

        return self._describe(folder, paths.effective(folder), describe)

    def background(self, folder: str) -> Layer:
        def describe(scene: Scene, file: str) -> Layer:
            self._check_home(folder, "background", "", file)
            image = scene.description["background"]["image"]
            guides = self._guides(folder, scene, "background")
            return Layer("background", file, scene.background(), image=image, guides=guides)

        return self._describe(folder, paths.background(folder), describe)

    def find_text(self, folder: str, subject: str) -> Layer:
        """What the mask of a subject says in words, as it is found in a picture."""

        def describe(scene: Scene, file: str) -> Layer:
            _check_known(scene, "subjects", subject, scene.subjects)
            spec = scene.perception.text_mask(subject)
            self._check_home(folder, "found", subject, file)
            return Layer("find", file, spec, tuple(self._file(folder, scene, layer) for layer in spec["plate"]))

        return self._describe(folder, paths.found(folder, subject), describe)

    def estimate_depth(self, folder: str, name: str) -> Layer:
        """The depth of the picture as far as a layer."""

        def describe(scene: Scene, file: str) -> Layer:
            spec = scene.perception.depth(name)
            self._check_home(folder, "depth", name, file)
            return Layer("depth", file, spec, tuple(self._file(folder, scene, layer) for layer in spec["plate"]))

        return self._describe(folder, paths.depth(folder, name), describe)

    def mask(self, folder: str, subject: str) -> Layer:
        def describe(scene: Scene, file: str) -> Layer:
            _check_known(scene, "subjects", subject, scene.subjects)
            if subject not in scene.masks:
                raise StrataError(f"{scene.source}: subjects.{subject} is an image without a mask.")
            self._check_home(folder, "mask", subject, file)
            sees = tuple(self._file(folder, scene, layer) for layer in scene.mask_layers(subject))
            found = None
            if scene.is_by_words(subject):
                found = paths.found(self._folders.find(folder, "found", subject), subject)
            return Layer("mask", file, scene.mask(subject), sees, image=scene.masks[subject]["image"], found=found)

        return self._describe(folder, paths.mask(folder, subject), describe)

    def subject(self, folder: str, name: str) -> Layer:
        def describe(scene: Scene, file: str) -> Layer:
            _check_known(scene, "subjects", name, scene.subjects)
            self._check_home(folder, "subject", name, file)
            plate = tuple(self._file(folder, scene, layer) for layer in scene.plate(name))
            mask = paths.mask(self._folders.find(folder, "mask", name), name) if name in scene.masks else None
            image, guides = scene.subjects[name]["image"], self._guides(folder, scene, name)
            return Layer("subject", file, scene.subject(name), plate, mask, image, guides=guides)

        return self._describe(folder, paths.subject(folder, name), describe)

    def check(self, folder: str, name: str) -> Layer:
        """The look at what a subject's mask shows. What it says, a JSON file, belongs to the picture."""

        def describe(scene: Scene, file: str) -> Layer:
            _check_known(scene, "subjects", name, scene.subjects)
            spec = scene.check(name)
            self._check_home(folder, "check", name, file)
            seen = tuple(self._file(folder, scene, layer) for layer in spec["plate"])
            return Layer("check", file, {**spec}, seen, paths.mask(self._folders.find(folder, "mask", name), name))

        return self._describe(folder, paths.check(folder, name), describe)

    def effect(self, folder: str, name: str) -> Layer:
        def describe(scene: Scene, file: str) -> Layer:
            _check_known(scene, "effects", name, scene.effects)
            self._check_home(folder, "effect", name, file)
            image, guides = scene.effects[name]["image"], self._guides(folder, scene, name)
            return Layer("effect", file, scene.effect(name), image=image, guides=guides)

        return self._describe(folder, paths.effect(folder, name), describe)

    def composite(self, folder: str) -> Layer:
        """The final picture, which always lives in the folder that was asked for. It carries its scene."""

        def describe(scene: Scene, file: str) -> Layer:
            spec = scene.composite()
            sees = self._stack(folder, scene)
            if scene.description["refine"] is not None:
                sees = (paths.refined(self._folders.find(folder, "refine")),)
            image, depth = self.find_depth(folder, scene) if spec["depth"] else (None, None)
            return Layer("composite", file, {**spec, "scene": scene.effective()}, sees, image=image, depth=depth)

        return self._describe(folder, paths.final(folder), describe)

    def refine(self, folder: str) -> Layer:
        """The flattened layers, painted anew a little."""

        def describe(scene: Scene, file: str) -> Layer:
            spec = scene.refine()
            self._check_home(folder, "refine", "", file)
            image, depth = self.stack_depth(folder)
            guides = self._guides(folder, scene, "refined")
            return Layer("refine", file, spec, self._stack(folder, scene), image=image, depth=depth, guides=guides)

        return self._describe(folder, paths.refined(folder), describe)

    def stack(self, folder: str) -> tuple[str, ...]:
        """The files of a scene's layers as they are flattened, bottom to top, one for each entry of the composite."""
        return self._stack(folder, self.scenes.find(folder))

    def stack_depth(self, folder: str) -> tuple[str | None, str | None]:
        """The depth picture that layers of the stack follow, if any does: a file of the user's, or one that is estimated."""
        scene = self.scenes.find(folder)
        return self.find_depth(folder, scene) if scene.stack_depth() else (None, None)

    def upscale(self, folder: str, factor: int) -> Layer:
        def describe(scene: Scene, file: str) -> Layer:
            return Layer("upscale", file, scene.upscale(factor), (paths.final(folder),))

        return self._describe(folder, paths.enlarged(folder, factor), describe)

    def export(self, folder: str, rule: Export) -> Layer:
        """A finished scene for other programs."""

        def describe(scene: Scene, file: str) -> Layer:
            compared = self.scenes.compared(folder) if rule == "view" else []
            spec = exports.describe(scene, rule, folder, compared)
            sees = paths.final(folder), *self._stack(folder, scene), *map(paths.final, compared)
            image, depth = self.stack_depth(folder)
            return Layer(rule, file, {**spec}, sees, image=image, depth=depth)

        return self._describe(folder, paths.export(folder, rule), describe)

    def sweep_view(self, name: str) -> Layer:
        """The page of a sweep."""
        file = paths.sweep_page(name)
        if file not in self._known:
            sweep = self.scenes.find_sweep(name)
            self._known[file] = Layer("sweep_view", file, {**exports.describe_sweep(sweep)}, self.sweep(name).sees)
        return self._known[file]

    def sweep(self, name: str) -> Layer:
        """The contact sheet of a sweep."""
        file = paths.sheet(name)
        if file not in self._known:
            sweep = self.scenes.find_sweep(name)
            spec = {
                "cells": sweep.cells(),
                "columns": sweep.columns,
                "width": sweep.width,
                "code": digest_code("sheet"),
            }
            self._known[file] = Layer("sweep", file, spec, tuple(paths.final(folder) for folder in sweep.folders()))
        return self._known[file]

    def find_leftovers(self, results: Path) -> Iterator[Path]:
        """The files under results/ that a build once made and that no scene or sweep names any more, sorted.

        Files that no rule could have made are left alone.

        Raises:
            StrataError: a scene is wrong. Its files are no leftovers.
        """
        for path in sorted(path for path in results.rglob("*") if path.is_file()):
            if not self._is_named(path.relative_to(results).as_posix()):
                yield path

    def _is_named(self, name: str) -> bool:
        section, _, rest = name.partition("/")
        if section == paths.SWEEPS:
            return Path(rest).suffix not in (".png", ".tsv", ".html") or Path(rest).stem in self.scenes.sweeps
        if (file := paths.FILE.fullmatch(name)) is None:
            return True
        folder = file["folder"]
        described_in = "".join(f"{part}/" for part in folder.split("/")[:-1] if SIGN not in part)
        if described_in not in self.scenes.folders():
            return False
        self.scenes.find(described_in)
        try:
            scene = self.scenes.find(folder)
        except StrataError:
            return False  # a variation by a key that the scene no longer has
        section, _, layer = file["name"].removesuffix(".png").removesuffix(".json").rpartition("/")
        match section:
            case "found":
                return scene.is_by_words(layer) and self._folders.find(folder, "found", layer) == folder
            case "depth":
                known = layer == "background" or layer in scene.subjects
                return known and self._folders.find(folder, "depth", layer) == folder
            case "checks":
                checked = layer in scene.subjects and scene.subjects[layer]["check"] is not None
                return checked and self._folders.find(folder, "check", layer) == folder
            case "masks":
                return layer in scene.masks and self._folders.find(folder, "mask", layer) == folder
            case "subjects":
                return layer in scene.subjects and self._folders.find(folder, "subject", layer) == folder
            case "effects":
                return layer in scene.effects and self._folders.find(folder, "effect", layer) == folder
        if layer == "refined":
            return scene.description["refine"] is not None and self._folders.find(folder, "refine") == folder
        return layer != "background" or self._folders.find(folder, "background") == folder

    def _describe(self, folder: str, file: str, describe: Callable[[Scene, str], Layer]) -> Layer:
        if file not in self._known:
            self._known[file] = describe(self.scenes.find(folder), file)
        return self._known[file]

    def find_depth(self, folder: str, scene: Scene) -> tuple[str | None, str | None]:
        """The depth picture of a scene: a file of the user's, or one that is estimated."""
        depth = scene.description["depth"]
        assert depth is not None  # a scene is refused that needs one and has none
        if (layer := depth["of"]) is None:
            return depth["image"], None
        return None, paths.depth(self._folders.find(folder, "depth", layer), layer)

    def _stack(self, folder: str, scene: Scene) -> tuple[str, ...]:
        return tuple(self._file(folder, scene, entry["layer"]) for entry in scene.stack)

    def _guides(self, folder: str, scene: Scene, layer: str) -> tuple[GuideFile, ...]:
        return tuple(self._guide(folder, scene, source) for source in scene.guides(layer))

    def _guide(self, folder: str, scene: Scene, source: Source) -> GuideFile:
        if source.layer is None:
            return GuideFile(source.image or "", own=True)
        if source.is_depth:
            return GuideFile(paths.depth(self._folders.find(folder, "depth", source.layer), source.layer), own=False)
        return GuideFile(self._file(folder, scene, source.layer), own=False)

    def _file(self, folder: str, scene: Scene, name: str) -> str:
        """The file of a layer by its name in the composite."""
        if name in scene.subjects:
            return paths.subject(self._folders.find(folder, "subject", name), name)
        if name in scene.effects:
            return paths.effect(self._folders.find(folder, "effect", name), name)
        return paths.background(self._folders.find(folder, "background"))

    def _check_home(self, folder: str, kind: Kind, name: str, file: str) -> None:
        home = self._folders.find(folder, kind, name)
        if home != folder:
            there = Path(paths.RESULTS, home, file.removeprefix(folder))
            raise StrataError(
                f"{paths.RESULTS}/{file} would be the same as {there}, where that layer lives: the other values do not "
                f"change it. Ask for {there}."
            )


def _check_known(scene: Scene, section: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise StrataError(f"{scene.source}: {section} has no {name}. There are: {', '.join(known) or 'none'}.")
