"""From the config to what each rule must know: passes, masks, plates, who sees whom. Standard library and YAML only.

Each rule gets one mapping of plain values as its params. Snakemake compares the values of params without their names, so
that two loose values that are swapped would go unnoticed; a mapping does see it.
"""

from collections.abc import Mapping
from inspect import Parameter, Signature
from pathlib import Path

import yaml

from strata import adapters, attempts, enlargements, fingerprints, models, settings
from strata.errors import StrataError
from strata.extents import Box, mask_box, shape_box
from strata.schema import Schema, YamlLoader
from strata.sweeps import Sweep
from strata.variations import SIGN, varied

# Read and compiled when first needed, and then for all scenes.
SCENE, RUNTIME, SWEEPS = Schema("scene"), Schema("runtime"), Schema("sweeps")

RESULTS = "results"
FOLDERS = ("masks", "subjects", "effects", "sweeps")

# What decides the pixels of each kind of layer. A digest of it is part of the rule's params, in place of Snakemake's own
# trigger on code, which knows neither modules nor comments and reacts to a touched file.
DIFFUSION = ("diffusion/passes", "diffusion/pipelines", "diffusion/adapters", "diffusion/styles", "diffusion/hardware")
CODE = {
    "mask": ("masks", "images"),
    "text_to_image": DIFFUSION,
    "effect": (*DIFFUSION, "effects"),
    "image": ("effects", "images"),
    "inpaint": (*DIFFUSION, "windows", "masks", "compositing", "color_match"),
    "composite": ("compositing",),
}


class Scene:
    """One scene, checked and complete.

    Args:
        description: the scene as the schema describes it; defaults may be missing.
        source: the file that a sentence about a wrong value names.
        known: what was found out of models already, for all scenes of a build; more is added.
    """

    def __init__(self, description: Mapping, source: str, known: dict[object, dict] | None = None):
        self.source = source
        self._known = {} if known is None else known
        self.description = SCENE.complete(description, source)
        self.canvas = self.description["canvas"]
        self.subjects = self.description["subjects"]
        self.effects = self.description["effects"]
        self.stack = self.description["composite"]["layers"] or self._default_stack()
        self._check_names()
        for name, subject in self.subjects.items():
            self._check_mask(name, subject["mask"])
            self._check_strength(name)
        for name, effect in self.effects.items():
            self._check_effect(name, effect)

    @property
    def size(self) -> dict:
        """The picture's width and height in rendered pixels."""
        scale = self.canvas["scale"]
        return {"width": round(self.canvas["width"] * scale), "height": round(self.canvas["height"] * scale)}

    def background(self) -> dict:
        """The pass of the background."""
        return self._text_to_image("background", self.description["background"], "text_to_image")

    def effect(self, name: str) -> dict:
        """The pass of an effect, or what makes a layer of its image."""
        effect = self.effects[name]
        if effect["image"] is None:
            described = {key: value for key, value in effect.items() if key != "image"}
            return self._text_to_image(f"effects.{name}", described, "effect")
        return {
            "task": "image",
            "image": effect["image"],
            "alpha": effect["alpha"],
            **self.size,
            "where": f"{self.source}: effects.{name}",
            "code": fingerprints.code(*CODE["image"]),
        }

    def inpaint(self, name: str) -> dict:
        """The pass of a subject. `context` is null or a margin in rendered pixels."""
        subject = {key: value for key, value in self.subjects[name].items() if key != "mask"}
        context = subject["context"]
        return {
            "task": "inpaint",
            **self._pass(f"subjects.{name}", subject, "inpainting"),
            "context": None if context == "canvas" else round(context * self.canvas["scale"]),
            **self.size,
            "cell": self._cell(),
            "plate": self.plate(name),
            "code": fingerprints.code(*CODE["inpaint"]),
        }

    def mask(self, name: str) -> dict:
        return {
            "mask": self.subjects[name]["mask"],
            **self.size,
            "scale": self.canvas["scale"],
            "cell": models.LATENT_CELL,  # at the least: the model's own cell would draw the masks again for another model
            "where": f"{self.source}: subjects.{name}.mask",
            "code": fingerprints.code(*CODE["mask"]),
        }

    def composite(self) -> dict:
        """The stack, bottom to top, with lengths in rendered pixels, and the finish."""
        scale = self.canvas["scale"]
        stack = [
            entry | {"blur": entry["blur"] * scale, "position": [round(length * scale) for length in entry["position"]]}
            for entry in self.stack
        ]
        return {
            "stack": stack,
            "finish": self.description["composite"]["finish"],
            **self.size,
            "code": fingerprints.code(*CODE["composite"]),
        }

    def upscale(self, factor: int) -> dict:
        """How the final picture is made so many times larger."""
        return enlargements.spec(self.description, factor, self.size, self.source)

    def effective(self) -> dict:
        """The description with nothing left to defaults; what has no order is sorted."""
        composite = self.description["composite"] | {"layers": self.stack}
        effects = dict(sorted(self.effects.items()))
        return self.description | {"effects": effects, "composite": composite}

    def notes(self) -> list[str]:
        """What a reader of the config would not expect, in sentences: values that a model replaces."""
        models = self.description["models"]
        told = settings.notes("background", self.description["background"], "text_to_image", models["text_to_image"])
        for name, subject in self.subjects.items():
            told += settings.notes(f"subjects.{name}", subject, "inpainting", models["inpainting"])
        for name, effect in sorted(self.effects.items()):
            if effect["image"] is None:
                told += settings.notes(f"effects.{name}", effect, "text_to_image", models["text_to_image"])
        return told

    def hub_models(self) -> list[dict]:
        """The models on the hub that the scene names: `id`, `revision`, `variant`, and `where`, the key of each."""
        found = []
        named = {f"models.{task}": model for task, model in self.description["models"].items()}
        if self.description["upscale"]["method"] == "diffusion":
            named["upscale.model"] = self.description["upscale"]["model"]
        for key, model in named.items():
            where = f"{self.source}: {key}"
            if models.on_hub(model["id"], where):
                found.append({name: model[name] for name in ("id", "revision", "variant")} | {"where": where})
        return found

    def plate(self, name: str) -> list[str]:
        """The layers that the pass of a subject sees, bottom to top."""
        earlier = list(self.subjects)[: list(self.subjects).index(name)]
        return ["background", *(other for other in earlier if self._sees(name, other))]

    def _sees(self, name: str, other: str) -> bool:
        margin = self.subjects[name]["context"]
        if margin == "canvas":
            return True
        canvas, scale = Box(0, 0, self.canvas["width"], self.canvas["height"]), self.canvas["scale"]
        # A window is widened to whole cells, and what lies on its edge is rounded: two cells more than the margin.
        window = mask_box(self.subjects[name]["mask"], canvas, scale).grown(margin + 2 * self._cell() / scale)
        return window.meets(mask_box(self.subjects[other]["mask"], canvas, scale))

    def _text_to_image(self, place: str, described: Mapping, code: str) -> dict:
        return {
            "task": "text_to_image",
            **self._pass(place, described, "text_to_image"),
            **self.size,
            "code": fingerprints.code(*CODE[code]),
        }

    def _pass(self, place: str, described: Mapping, task: str) -> dict:
        """What a pass is painted with, `place` being its key in the scene: its values, its adapters, its model."""
        model = self.description["models"][task]
        return {
            **settings.settled(described, model),
            "loras": [
                adapters.resolved(lora, f"{self.source}: {key}.loras[{number}]")
                for key, loras in ((f"models.{task}", model["loras"]), (place, described["loras"]))
                for number, lora in enumerate(loras)
            ],
            "style": self._style(place, described["style"], task),
            "model": self._model(task),
        }

    def _style(self, place: str, style: Mapping | None, task: str) -> dict | None:
        if style is None:
            return None
        _check_inside(style["image"], f"{self.source}: {place}.style.image")
        adapter = self.description["models"][task]["style_adapter"]
        where, model_where = f"{self.source}: {place}.style", f"{self.source}: models.{task}.style_adapter"
        return adapters.style(style, adapter, where, model_where)

    def _default_stack(self) -> list[dict]:
        plain = {"opacity": 1.0, "blur": 0.0, "blend": "normal", "position": [0.0, 0.0]}
        layers = [{"layer": name, **plain} for name in ("background", *self.subjects)]
        return layers + [{"layer": name, **plain, "opacity": 0.5, "blend": "screen"} for name in self.effects]

    def _cell(self) -> int:
        model = self.description["models"]["inpainting"]["id"]
        if model not in self._known:
            self._known[model] = {"cell": models.latent_cell(model)}
        return self._known[model]["cell"]

    def _model(self, task: str) -> dict:
        described = self.description["models"][task]
        model = {key: described[key] for key in settings.LOADING}
        key = model["id"], model["revision"], model["variant"]
        if key not in self._known:
            self._known[key] = models.settled(model, f"{self.source}: models.{task}")
        return model | self._known[key]

    def _check_names(self) -> None:
        for section in (self.subjects, self.effects):
            if "background" in section:
                raise StrataError(
                    f"{self.source}: a layer is named background, which is the name of the first; rename it."
                )
        if both := sorted(self.subjects.keys() & self.effects.keys()):
            raise StrataError(f"{self.source}: {both[0]} is a subject and an effect; give one of them another name.")
        known = ["background", *self.subjects, *self.effects]
        for place, entry in enumerate(self.stack):
            if entry["layer"] not in known:
                raise StrataError(
                    f"{self.source}: composite.layers[{place}].layer is {entry['layer']!r}, but no layer has that name. "
                    f"There are: {', '.join(known)}."
                )

    def _check_strength(self, name: str) -> None:
        subject = settings.settled(self.subjects[name], self.description["models"]["inpainting"])
        if int(subject["steps"] * subject["strength"]) < 1:
            raise StrataError(
                f"{self.source}: subjects.{name} runs no step: {subject['steps']} steps at strength "
                f"{subject['strength']} are {subject['steps'] * subject['strength']:g}. Raise one of the two."
            )

    def _check_effect(self, name: str, effect: Mapping) -> None:
        where = f"{self.source}: effects.{name}"
        if (effect["prompt"] is None) == (effect["image"] is None):
            raise StrataError(
                f"{where} needs either a prompt or an image, and not both. In a scene's file, null takes a key away."
            )
        if effect["image"] is not None:
            _check_inside(effect["image"], f"{where}.image")

    def _check_mask(self, name: str, mask: Mapping) -> None:
        """Refuses what can be told without drawing; masks.check() sees the rest when the mask is drawn."""
        where = f"{self.source}: subjects.{name}.mask"
        if (mask["shapes"] is None) == (mask["image"] is None):
            raise StrataError(f"{where} needs either shapes or an image, and not both.")
        if mask["image"] is not None:
            _check_inside(mask["image"], f"{where}.image")
            return
        canvas = Box(0, 0, self.canvas["width"], self.canvas["height"])
        boxes = [shape_box(shape) for shape in mask["shapes"]]
        for place, box in enumerate(boxes):
            if box is not None and (box.left >= box.right or box.top >= box.bottom):
                raise StrataError(
                    f"{where}.shapes[{place}] has no area: its left and top must be less than its right and bottom, and "
                    f"they are {', '.join(f'{side:g}' for side in box)}."
                )
        if mask["invert"] or None in boxes:
            return
        grown = [box.grown(mask["grow"]) for box in boxes]
        if not any(box.meets(canvas) for box in grown):
            raise StrataError(
                f"{where} lies off the canvas, which is {canvas.right} x {canvas.bottom} pixels. Move its shapes into it."
            )
        cell = models.LATENT_CELL / self.canvas["scale"]
        if len(grown) == 1 and min(grown[0].right - grown[0].left, grown[0].bottom - grown[0].top) < cell:
            raise StrataError(
                f"{where} is thinner than {cell:g} pixels, one cell of the model's latents, so that nothing would be "
                "painted. Make its shape larger."
            )


class of_wildcards:  # noqa: N801, it is used as a decorator
    """A method that is asked with wildcards. Its signature is at hand: it is looked at several times for each job of a build,
    and putting it together anew each time would be a fifteenth of a dry run of many scenes.
    """

    SIGNATURE = Signature([Parameter("wildcards", Parameter.POSITIONAL_OR_KEYWORD)])

    def __init__(self, method):
        self._method = method

    def __get__(self, scenes, _=None):
        def ask(wildcards):
            return self._method(scenes, wildcards)

        ask.__signature__ = self.SIGNATURE
        ask.__doc__ = self._method.__doc__
        return ask


class Scenes:
    """All scenes of a workflow, as functions of wildcards, which is what Snakemake asks.

    `{scene}` is the folder of a scene under results/: empty for the config itself, `night/` for scenes/night.yaml, and with
    a variation below either, `background.seed~78/` or `night/background.seed~78/`.
    """

    wildcard = rf"(?:(?!(?:{'|'.join(FOLDERS)})/)[^/{SIGN}]+/)?(?:[^/]*{SIGN}[^/]*/)?"
    layer_wildcard = SCENE.document["definitions"]["name"]["pattern"].strip("^$")

    def __init__(self, config: Mapping, folder: str = "scenes"):
        self.runtime = RUNTIME.complete(config.get("runtime", {}), "the config's runtime")
        self._sweeps = SWEEPS.complete(config.get("sweeps") or {}, "the config's sweeps")
        self._base = {key: value for key, value in config.items() if key not in ("runtime", "sweeps")}
        self._folder = Path(folder)
        self._known = {}
        self._loaded = {"": Scene(self._base, "config.yaml", self._known)}

    def pictures(self) -> list[str]:
        """The final picture of every scene."""
        return [f"{RESULTS}/{directory}final.png" for directory in self._directories()]

    @of_wildcards
    def hub_models(self, wildcards) -> list[dict]:
        """The models on the hub that the scenes name, each once."""
        named = [model for directory in self._directories() for model in self.find(directory).hub_models()]
        distinct = {}
        for model in named:
            distinct.setdefault((model["id"], model["revision"], model["variant"]), model)
        return list(distinct.values())

    def _directories(self) -> list[str]:
        return ["", *(f"{name}/" for name in sorted(path.stem for path in self._folder.glob("*.yaml")))]

    @of_wildcards
    def background(self, wildcards) -> dict:
        spec = self._of(wildcards).background()
        return _marked(spec, f"{RESULTS}/{wildcards.scene}background.png")

    @of_wildcards
    def effect(self, wildcards) -> dict:
        self._named(wildcards, "effects", wildcards.effect)
        spec = self._of(wildcards).effect(wildcards.effect)
        return _marked(spec, f"{RESULTS}/{wildcards.scene}effects/{wildcards.effect}.png")

    @of_wildcards
    def effect_image(self, wildcards) -> list[str]:
        """The file of an effect that an image gives."""
        image = self._named(wildcards, "effects", wildcards.effect)["image"]
        return [] if image is None else [image]

    @of_wildcards
    def effect_gpu(self, wildcards) -> int:
        """The devices that an effect takes: none if an image gives it."""
        return 0 if self.effect_image(wildcards) else 1

    @of_wildcards
    def mask(self, wildcards) -> dict:
        self._named(wildcards, "subjects", wildcards.subject)
        spec = self._of(wildcards).mask(wildcards.subject)
        return _marked(spec, f"{RESULTS}/{wildcards.scene}masks/{wildcards.subject}.png")

    @of_wildcards
    def mask_image(self, wildcards) -> list[str]:
        """The file of an image mask, if the subject has one."""
        image = self._named(wildcards, "subjects", wildcards.subject)["mask"]["image"]
        return [] if image is None else [image]

    @of_wildcards
    def subject(self, wildcards) -> dict:
        self._named(wildcards, "subjects", wildcards.subject)
        spec = self._of(wildcards).inpaint(wildcards.subject)
        return _marked(spec, f"{RESULTS}/{wildcards.scene}subjects/{wildcards.subject}.png")

    @of_wildcards
    def plate(self, wildcards) -> list[str]:
        """The layers beneath a subject, bottom to top."""
        self._named(wildcards, "subjects", wildcards.subject)
        scene = self._of(wildcards)
        return [self._layer(wildcards, scene, name) for name in scene.plate(wildcards.subject)]

    @of_wildcards
    def composite(self, wildcards) -> dict:
        return _marked(self._of(wildcards).composite(), f"{RESULTS}/{wildcards.scene}final.png")

    @of_wildcards
    def stack(self, wildcards) -> list[str]:
        """The layers that the composite flattens, bottom to top, one file for each entry."""
        scene = self._of(wildcards)
        return [self._layer(wildcards, scene, entry["layer"]) for entry in scene.stack]

    @of_wildcards
    def upscale(self, wildcards) -> dict:
        spec = self._of(wildcards).upscale(int(wildcards.factor))
        return _marked(spec, f"{RESULTS}/{wildcards.scene}final@{wildcards.factor}x.png")

    @of_wildcards
    def upscale_gpu(self, wildcards) -> int:
        """The devices that it takes to make the picture larger: none if no model does it."""
        return 0 if self._of(wildcards).description["upscale"]["method"] == "lanczos" else 1

    @of_wildcards
    def sweep(self, wildcards) -> dict:
        sweep = self.find_sweep(wildcards.sweep)
        spec = {"cells": sweep.cells(), "columns": sweep.columns, "width": sweep.width}
        return _marked(spec | {"code": fingerprints.code("contact_sheets")}, f"{RESULTS}/sweeps/{wildcards.sweep}.png")

    @of_wildcards
    def sweep_pictures(self, wildcards) -> list[str]:
        """The final pictures of a sweep's cells."""
        return [f"{RESULTS}/{folder}final.png" for folder in self.find_sweep(wildcards.sweep).folders()]

    def find_sweep(self, name: str) -> Sweep:
        """A sweep by its name."""
        if name not in self._sweeps:
            known = ", ".join(self._sweeps) or "none"
            raise StrataError(f"The config's sweeps have no {name}. There are: {known}.")
        return Sweep(name, self._sweeps[name])

    @of_wildcards
    def effective(self, wildcards) -> dict:
        scene = self._of(wildcards)
        return _marked({"scene": scene.effective(), "notes": scene.notes()}, f"{RESULTS}/{wildcards.scene}scene.yaml")

    def _layer(self, wildcards, scene: Scene, name: str) -> str:
        kind = "subjects/" if name in scene.subjects else "effects/" if name in scene.effects else ""
        return f"{RESULTS}/{wildcards.scene}{kind}{name}.png"

    def _named(self, wildcards, section: str, name: str) -> dict:
        scene = self._of(wildcards)
        if name not in scene.description[section]:
            known = ", ".join(scene.description[section]) or "none"
            raise StrataError(f"{scene.source}: {section} has no {name}. There are: {known}.")
        return scene.description[section][name]

    def _of(self, wildcards) -> Scene:
        return self.find(wildcards.scene)

    def find(self, directory: str) -> Scene:
        """A scene by its folder under results/, with its slash."""
        if directory not in self._loaded:
            above, _, name = directory.rstrip("/").rpartition("/")
            if SIGN in name:
                self._loaded[directory] = self._vary(self.find(f"{above}/" if above else ""), name)
            else:
                self._loaded[directory] = self._load(name)
        return self._loaded[directory]

    def _vary(self, scene: Scene, name: str) -> Scene:
        return Scene(varied(scene.effective(), name), f"{scene.source} with {name}", self._known)

    def _load(self, name: str) -> Scene:
        path = self._folder / f"{name}.yaml"
        if not path.is_file():
            known = ", ".join(sorted(path.stem for path in self._folder.glob("*.yaml"))) or "none"
            raise StrataError(f"There is no scene {name}: {path} is missing. Scenes in {self._folder}/: {known}.")
        return Scene(merged(self._base, read_yaml(path)), path.as_posix(), self._known)


def merged(base: object, change: object) -> object:
    """`base` with `change` laid over it: mappings merge, null takes a key away, anything else replaces."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    result = {key: value for key, value in base.items() if key not in change or change[key] is not None}
    for key, value in change.items():
        if value is not None:
            result[key] = merged(base.get(key), value)
    return result


def readable(path: str) -> str:
    """Returns `path` itself, or says in a StrataError which line of the file is not YAML."""
    if Path(path).is_file():
        read_yaml(Path(path))
    return path


def read_yaml(path: Path) -> dict:
    """The mapping in a YAML file; a StrataError names the file and the line if it is none."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), YamlLoader) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise StrataError(f"{path} is not YAML: {' '.join(str(error).split())}. Mend it there.") from None
    if not isinstance(content, dict):
        raise StrataError(f"{path} must hold keys and values, but holds {type(content).__name__}. See config.yaml.")
    return content


def _marked(spec: dict, layer: str) -> dict:
    return spec | {"mark": attempts.mark(layer)}


def _check_inside(path: str, where: str) -> None:
    folder = Path.cwd().resolve()
    resolved = (folder / path).resolve()
    if not resolved.is_relative_to(folder):
        raise StrataError(f"{where} is {path!r}, which lies outside the workflow's folder. Copy the file into it.")
    if not resolved.is_file():
        raise StrataError(
            f"{where} is {path!r}, but there is no such file in {folder}. Mend the path, or put it there."
        )
