"""One scene: its passes, its masks, who sees whom. Standard library and YAML only.

Each rule gets one mapping of plain values as its params. Snakemake compares the values of params without their names, so
that two loose values that are swapped would go unnoticed; a mapping does see it.
"""

from collections.abc import Mapping
from pathlib import Path

from strata import adapters, enlargements, fingerprints, models, settings
from strata.errors import StrataError
from strata.extents import Box, mask_box, shape_box
from strata.schema import Schema

SCHEMA = Schema("scene")  # read and compiled when first needed, and then for all scenes

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
        self.description = SCHEMA.complete(description, source)
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


def _check_inside(path: str, where: str) -> None:
    folder = Path.cwd().resolve()
    resolved = (folder / path).resolve()
    if not resolved.is_relative_to(folder):
        raise StrataError(f"{where} is {path!r}, which lies outside the workflow's folder. Copy the file into it.")
    if not resolved.is_file():
        raise StrataError(
            f"{where} is {path!r}, but there is no such file in {folder}. Mend the path, or put it there."
        )
