"""One scene: its passes, its masks, who sees whom."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from strata import mask_extents, passes
from strata.code_digests import digest_code
from strata.errors import StrataError
from strata.files import is_file
from strata.mask_extents import Box
from strata.models import adapter_files, reference
from strata.models.kinds import INDEX
from strata.passes import Mask, PassLora, PassModel, PassStyle, StackEntry
from strata.scene import model_settings, upscales
from strata.scene.description import Background, Description, Effect, Model, Passed, Refine, Style, Subject, complete
from strata.scene.guides import Guides, Source, as_control_picture, as_guide, list_guides
from strata.scene.perception import Perception

Task = Literal["text_to_image", "inpainting"]
"""The names of the models that paint what names none."""


class Scene:
    """One scene, checked and complete.

    Args:
        described: the scene as the schema describes it; defaults may be missing.
        source: the file that a sentence about a wrong value names.
        models: what was found out of models already, for all scenes of a build; more is added.
    """

    def __init__(self, described: Mapping[str, Any], source: str, models: reference.Known | None = None):
        self.source = source
        self._models = reference.Known() if models is None else models
        self.description: Description = complete(described, source)
        self.canvas = self.description["canvas"]
        self.subjects = self.description["subjects"]
        self.masks = {name: mask for name, subject in self.subjects.items() if (mask := subject["mask"]) is not None}
        self.effects = self.description["effects"]
        self.stack: list[StackEntry] = self.description["composite"]["layers"] or self._default_stack()
        self.perception = Perception(self.description, self.size, source, self._models)
        self._guides = Guides(self.description["models"], self._models, source, _check_inside)
        self._check_names()
        self._check_models()
        self._check_guides()
        self._check_background()
        self._check_refine()
        self._check_depth()
        self.perception.validate()
        for name, subject in self.subjects.items():
            self._check_subject(name, subject)
        for name, mask in self.masks.items():
            self._check_mask(name, mask)
        for name, effect in self.effects.items():
            self._check_effect(name, effect)

    @property
    def size(self) -> tuple[int, int]:
        """The picture's width and height in rendered pixels."""
        scale = self.canvas["scale"]
        return round(self.canvas["width"] * scale), round(self.canvas["height"] * scale)

    def background(self) -> passes.TextToImage | passes.ImageToImage | passes.Photograph:
        """The pass of the background, or what makes it of its image."""
        background = self.description["background"]
        where = f"{self.source}: background"
        if background["image"] is None:
            return {
                "task": "text_to_image",
                **self._diffusion_pass("background", background, "text_to_image"),
                "code": _digest_code("text_to_image", background),
            }
        if background["strength"] is None:
            width, height = self.size
            return {
                "task": "photograph",
                "image": background["image"],
                "fit": background["fit"],
                "width": width,
                "height": height,
                "where": where,
                "code": digest_code("photograph"),
            }
        return {
            "task": "image_to_image",
            **self._diffusion_pass("background", background, "text_to_image"),
            "image": background["image"],
            "fit": background["fit"],
            "strength": self._strength(background, background["strength"], "text_to_image"),
            "where": where,
            "code": _digest_code("image_to_image", background),
        }

    def effect(self, name: str) -> passes.PaintedEffect | passes.DrawnImage:
        """The pass of an effect, or what makes a layer of its image."""
        effect = self.effects[name]
        width, height = self.size
        if effect["image"] is None:
            return {
                "task": "text_to_image",
                **self._diffusion_pass(f"effects.{name}", effect, "text_to_image"),
                "alpha": effect["alpha"],
                "code": _digest_code("effect", effect),
            }
        return {
            "task": "image",
            "image": effect["image"],
            "alpha": effect["alpha"],
            "width": width,
            "height": height,
            "where": f"{self.source}: effects.{name}",
            "code": digest_code("image"),
        }

    def subject(self, name: str) -> passes.Inpaint | passes.PlacedImage:
        """The pass of a subject, or what makes a layer of its image."""
        return self.inpaint(name) if self.subjects[name]["image"] is None else self.placed_image(name)

    def placed_image(self, name: str) -> passes.PlacedImage:
        """What makes a layer of the image of a subject."""
        subject, scale = self.subjects[name], self.canvas["scale"]
        width, height = self.size
        return {
            "task": "placed",
            "image": subject["image"] or "",
            "position": [length * scale for length in subject["position"] or (0.0, 0.0)],
            "scale": subject["scale"] * scale,
            "bbox": subject["bbox"] and [length * scale for length in subject["bbox"]],
            "fit": subject["fit"],
            "masked": name in self.masks,
            "width": width,
            "height": height,
            "where": f"{self.source}: subjects.{name}",
            "code": digest_code("placed"),
        }

    def inpaint(self, name: str) -> passes.Inpaint:
        """The pass of a subject that a model paints."""
        subject = self.subjects[name]
        checked = self.perception.retry(name)
        return {
            "task": "inpaint",
            **self._diffusion_pass(f"subjects.{name}", subject, "inpainting"),
            "strength": self._strength(subject, subject["strength"], "inpainting"),
            "context": self._context(name),
            "color_match": subject["color_match"],
            "heal": subject["heal"],
            "cell": self._cell(name),
            "plate": self.plate(name),
            "check": checked,
            "code": _digest_code("checked" if checked else "inpaint", subject),
        }

    def check(self, name: str) -> passes.Check:
        """The look at what a subject's mask shows."""
        return self.perception.check(name, self.plate(name), self._context(name), self._cell(name))

    def _context(self, name: str) -> int | None:
        """What the pass of a subject sees round its mask, in rendered pixels; None for all."""
        context = self.subjects[name]["context"]
        return None if context == "canvas" else round(context * self.canvas["scale"])

    def mask(self, name: str) -> passes.DrawnMask:
        """What draws the mask of a subject."""
        width, height = self.size
        return {
            "mask": self.masks[name],
            "width": width,
            "height": height,
            "scale": self.canvas["scale"],
            # At the least: the model's own cell would draw the masks again for another model.
            "cell": reference.LATENT_CELL,
            "where": f"{self.source}: subjects.{name}.mask",
            "code": digest_code("mask"),
        }

    def refine(self) -> passes.Refine:
        """The pass over the flattened stack."""
        refine, scale = self.description["refine"], self.canvas["scale"]
        if refine is None:
            raise StrataError(
                f"{self.source}: refine is not given, so that there is no refined picture. Add `refine: {{prompt: ...}}`."
            )
        ring: passes.Ring | None = None
        if mask := refine["mask"]:
            subjects = [name for name in self.subjects if any(entry["layer"] == name for entry in self.stack)]
            ring = {"layers": subjects, "width": mask["ring"] * scale, "feather": mask["feather"] * scale}
        return {
            "task": "refine",
            **self._diffusion_pass("refine", refine, "text_to_image"),
            "strength": self._strength(refine, refine["strength"], "text_to_image"),
            "stack": self.rendered_stack(),
            "depth": self.stack_depth(),
            "ring": ring,
            "code": _digest_code("refine", refine),
        }

    def composite(self) -> passes.Composite:
        """The stack, bottom to top, and the finish. What was refined is the only layer of its stack."""
        width, height = self.size
        refined = self.description["refine"] is not None
        field = self.description["composite"]["depth_of_field"]
        return {
            "stack": [_entry("refined")] if refined else self.rendered_stack(),
            "depth": self.depth_picture() if field else None if refined else self.stack_depth(),
            "depth_of_field": field and {**field, "blur": field["blur"] * self.canvas["scale"]},
            "finish": self.description["composite"]["finish"],
            "width": width,
            "height": height,
            "code": digest_code("composite"),
        }

    def upscale(self, factor: int) -> passes.Upscale:
        """How the final picture is made so many times larger."""
        return upscales.describe(self.description, factor, self.size, self.source, self._models)

    def effective(self) -> dict[str, Any]:
        """The description with nothing left to defaults. What has no order is sorted."""
        composite = {**self.description["composite"], "layers": self.stack}
        effects = dict(sorted(self.effects.items()))
        effective: dict[str, Any] = {**self.description, "effects": effects, "composite": composite}
        del effective["preset"]  # its values are in effect
        for made_of_the_picture in ("exports", "compare"):  # they decide nothing about it
            del effective[made_of_the_picture]
        return effective

    def notes(self) -> list[str]:
        """What a reader of the config would not expect, in sentences: values that a model replaces."""
        return [
            note
            for key, described, task in self._painted()
            for name in [_model_name(described, task)]
            for note in model_settings.notes(key, described, name, self.description["models"][name])
        ]

    def _painted(self) -> Iterator[tuple[str, Background | Subject | Effect | Refine, Task]]:
        """What models paint: its key in the scene, its description, and the model that paints it where it names none."""
        background, refine = self.description["background"], self.description["refine"]
        if background["prompt"] is not None:
            yield "background", background, "text_to_image"
        for name, subject in self.subjects.items():
            if subject["image"] is None:
                yield f"subjects.{name}", subject, "inpainting"
        for name, effect in sorted(self.effects.items()):
            if effect["image"] is None:
                yield f"effects.{name}", effect, "text_to_image"
        if refine is not None:
            yield "refine", refine, "text_to_image"

    def hub_models(self) -> list[reference.HubModel]:
        """The models on the hub that the scene names, but those by a name that no pass has."""
        described = self.description
        used = {"text_to_image", "inpainting", *(passed["model"] for _, passed, _ in self._painted())}
        named: dict[str, Any] = {f"models.{name}": model for name, model in described["models"].items() if name in used}
        controlnets = [control["model"] for _, passed, _ in self._painted() if (control := passed["control"])]
        if described["upscale"]["method"] == "diffusion":
            named["upscale.model"] = described["upscale"]["model"]
        found: list[reference.HubModel] = []
        for key, model in named.items():
            where = f"{self.source}: {key}"
            if reference.is_on_hub(model["id"], where):
                found.append(
                    {
                        "id": model["id"],
                        "revision": model["revision"],
                        "variant": model["variant"],
                        "where": where,
                        "index": INDEX,
                    }
                )
        controls = [model for name in dict.fromkeys(controlnets) if (model := self._guides.hub_model(name))]
        return found + controls + self.perception.hub_models()

    def guides(self, layer: str) -> list[Source]:
        """The pictures that guide the pass of a layer: background, refined, or the name of a subject or an effect."""
        described: dict[str, Passed | None] = {
            "background": self.description["background"] if self.description["background"]["prompt"] else None,
            "refined": self.description["refine"],
        }
        described |= {name: one if one["image"] is None else None for name, one in self.subjects.items()}
        described |= {name: one if one["image"] is None else None for name, one in self.effects.items()}
        found = described[layer]
        return [] if found is None else list_guides(found)

    def plate(self, name: str) -> list[str]:
        """The layers that the pass of a subject sees, bottom to top. An image sees none."""
        if self.subjects[name]["image"] is not None:
            return []
        earlier = list(self.subjects)[: list(self.subjects).index(name)]
        return ["background", *(other for other in earlier if self._sees(name, other))]

    def is_by_words(self, name: str) -> bool:
        """Whether the mask of a subject covers what a text names."""
        return name in self.masks and self.masks[name]["text"] is not None

    def mask_layers(self, name: str) -> list[str]:
        """The layers that the mask of a subject follows: one or none."""
        layer = self.masks[name]["layer"]
        return [] if layer is None else [layer]

    def _sees(self, name: str, other: str) -> bool:
        margin = self.subjects[name]["context"]
        if margin == "canvas":
            return True
        # A window is widened to whole cells, and what lies on its edge is rounded: two cells more than the margin.
        window = self._extent(name).grown(margin + 2 * self._cell(name) / self.canvas["scale"])
        return window.meets(self._extent(other))

    def _extent(self, name: str) -> Box:
        """A box in canvas pixels outside of which a layer is transparent for certain."""
        if name in self.effects:
            return self._canvas_box()
        if name in self.masks:
            followed = [self._extent(layer) for layer in self.mask_layers(name)]
            return mask_extents.mask_box(self.masks[name], self._canvas_box(), self.canvas["scale"], *followed)
        # How large an image is, is not known without reading it.
        bbox = self.subjects[name]["bbox"]
        return self._canvas_box() if bbox is None else Box(*bbox).grown(1 / self.canvas["scale"])

    def _diffusion_pass(
        self, key: str, described: Background | Subject | Effect | Refine, task: Task
    ) -> passes.DiffusionPass:
        """What a pass is painted with: its values, its adapters, its model. `key` is its place in the scene."""
        name = _model_name(described, task)
        model = self.description["models"][name]
        width, height = self.size
        chosen = model_settings.choose(described, model)
        return {
            "prompt": described["prompt"] or "",
            "negative_prompt": described["negative_prompt"],
            "seed": described["seed"],
            "steps": chosen.steps,
            "guidance_scale": chosen.guidance_scale,
            "prompt_2": described["prompt_2"],
            "clip_skip": described["clip_skip"],
            "scheduler": chosen.scheduler,
            "loras": self._loras(f"models.{name}", model) + self._loras(key, described),
            "style": self._style(key, described["style"], name),
            "reference": as_guide(described["reference"]),
            "control": self._guides.resolve_control(described["control"]),
            "control_picture": as_control_picture(described["control"]),
            "model": self._model(model, f"models.{name}"),
            "width": width,
            "height": height,
            "code": "",
        }

    def _loras(self, key: str, described: Model | Passed) -> list[PassLora]:
        return [
            {
                **lora,
                "fingerprint": adapter_files.fingerprint(
                    lora["file"], f"{self.source}: {key}.loras[{index}].file", self._models.memory
                ),
            }
            for index, lora in enumerate(described["loras"])
        ]

    def _style(self, key: str, style: Style | None, model: str) -> PassStyle | None:
        if style is None:
            return None
        _check_inside(style["image"], f"{self.source}: {key}.style.image")
        adapter = self.description["models"][model]["style_adapter"]
        where, model_where = f"{self.source}: {key}.style", f"{self.source}: models.{model}.style_adapter"
        return adapter_files.resolve_style(
            style["image"], style["weight"], adapter, where, model_where, self._models.memory
        )

    def _default_stack(self) -> list[StackEntry]:
        opaque = [_entry(name) for name in ("background", *self.subjects)]
        return opaque + [_entry(name, opacity=0.5, blend="screen") for name in self.effects]

    def stack_depth(self) -> passes.DepthPicture | None:
        """The depth picture that layers of the stack follow; None if none does."""
        return self.depth_picture() if any(entry["depth"] for entry in self.stack) else None

    def followed_depth(self) -> str | None:
        """The layer whose estimated depth layers of the stack follow; None if none does."""
        depth = self.description["depth"]
        return depth["of"] if depth and self.stack_depth() else None

    def depth_picture(self) -> passes.DepthPicture | None:
        depth = self.description["depth"]
        if depth is None:
            return None
        if depth["of"] is not None:
            image = f"depth/{depth['of']}.png"
            return {"image": image, "near": "white", "fit": "stretch", "where": f"{self.source}: depth.of"}
        return {
            "image": depth["image"] or "",
            "near": depth["near"] or "",
            "fit": depth["fit"],
            "where": f"{self.source}: depth.image",
        }

    def rendered_stack(self) -> list[StackEntry]:
        """The stack with its lengths in rendered pixels."""
        scale = self.canvas["scale"]
        return [
            {
                **entry,
                "blur": entry["blur"] * scale,
                "position": [round(length * scale) for length in entry["position"]],
            }
            for entry in self.stack
        ]

    def _cell(self, name: str) -> int:
        """The side of a latent cell of the model that paints a subject, in pixels."""
        model = _model_name(self.subjects[name], "inpainting")
        return self._models.latent_cell(self.description["models"][model]["id"])

    def _model(self, model: Model, key: str) -> PassModel:
        resolved = self._models.resolve(
            model["id"], model["revision"], model["variant"], model["dtype"], f"{self.source}: {key}"
        )
        speed = model_settings.choose_speed(model)
        return {**resolved, "speed": speed} if speed else resolved

    def _strength(self, described: Passed, strength: float, task: Task) -> float:
        return min(strength, self.description["models"][_model_name(described, task)]["strength_limit"])

    def _canvas_box(self) -> Box:
        return Box(0, 0, self.canvas["width"], self.canvas["height"])

    def _check_names(self) -> None:
        for section in (self.subjects, self.effects):
            if "background" in section:
                raise StrataError(
                    f"{self.source}: a layer is named background, which is the name of the first layer. Rename it."
                )
        if both := sorted(self.subjects.keys() & self.effects.keys()):
            raise StrataError(f"{self.source}: {both[0]} is a subject and an effect. Give one of them another name.")
        known = ["background", *self.subjects, *self.effects]
        for index, entry in enumerate(self.stack):
            if entry["layer"] not in known:
                raise StrataError(
                    f"{self.source}: composite.layers[{index}].layer is {entry['layer']!r}, but no layer has that name. "
                    f"There are: {', '.join(known)}."
                )

    def _check_models(self) -> None:
        models = self.description["models"]
        sections: dict[str, Passed | None] = {
            "background": self.description["background"],
            "refine": self.description["refine"],
        }
        sections |= {f"subjects.{name}": subject for name, subject in self.subjects.items()}
        sections |= {f"effects.{name}": effect for name, effect in self.effects.items()}
        for key, described in sections.items():
            if described is not None and described["model"] is not None and described["model"] not in models:
                raise StrataError(
                    f"{self.source}: {key}.model is {described['model']!r}, but models has none of that name. There are: "
                    f"{', '.join(models)}. Name one of them, or add it to models."
                )

        for key, described, task in self._painted():
            name = _model_name(described, task)
            where = f"{self.source}: models.{name}"
            kind = self._models.find_class(models[name]["id"], models[name]["revision"], models[name]["variant"], where)
            if kind and (reason := model_settings.refuse_speed(models[name], kind)):
                raise StrataError(f"{where}.speed{reason}")
            if reason := model_settings.refuse_adapters(models[name], described):
                raise StrataError(f"{where}.speed{reason} {key}.")
            if task == "text_to_image" and self._models.only_inpaints(models[name]["id"]):
                raise StrataError(
                    f"{self.source}: {key} is painted by models.{name}, {models[name]['id']!r}, which can only inpaint: it needs a "
                    f"mask. Name another one as {key}.model."
                )

    def _check_guides(self) -> None:
        for key, described, task in self._painted():
            section, _, name = key.partition(".")
            earlier = [] if section == "background" else ["background"]
            if section in ("subjects", "refine"):
                subjects = list(self.subjects)
                earlier += [*self.effects, *(subjects[: subjects.index(name)] if name else subjects)]
            anew = section == "refine" or (section == "background" and self.description["background"]["image"])
            does = "inpaint" if task == "inpainting" else "image_to_image" if anew else "text_to_image"
            if (control := described["control"]) and control["kind"] == "depth" and control["of"] in self.effects:
                raise StrataError(
                    f"{self.source}: {key}.control.of is {control['of']!r}, an effect, whose depth cannot be estimated. Name the "
                    "background or a subject."
                )
            self._guides.check(key, described, _model_name(described, task), does, earlier)

    def _check_background(self) -> None:
        background = self.description["background"]
        where = f"{self.source}: background"
        prompt, image, strength = background["prompt"], background["image"], background["strength"]
        if prompt is None and image is None:
            raise StrataError(
                f"{where} has neither a prompt nor an image. Add `prompt:`, what to paint, or `image:`, a picture file."
            )
        if image is not None:
            _check_inside(image, f"{where}.image")
        if prompt is not None and image is not None and strength is None:
            raise StrataError(
                f"{where} has both a prompt and an image. To paint the image anew, say how much of it changes, such as "
                "`strength: 0.5`. To leave it as it is, take the prompt away: `prompt: null`."
            )
        if strength is not None and (prompt is None or image is None):
            missing = "prompt" if prompt is None else "image"
            raise StrataError(
                f"{where}.strength is {strength:g}, but there is no {missing}. It says how much of an image is painted anew from a "
                f"prompt: add `{missing}:`, or leave strength out."
            )
        if strength is not None:
            self._check_strength("background", background, strength, "text_to_image")

    def _check_refine(self) -> None:
        if (refine := self.description["refine"]) is None:
            return
        self._check_strength("refine", refine, refine["strength"], "text_to_image")
        if refine["mask"] is not None and not any(entry["layer"] in self.subjects for entry in self.stack):
            raise StrataError(
                f"{self.source}: refine.mask asks for a ring round the subjects, but the composite holds none. Leave mask out to "
                "refine all of the picture."
            )

    def _check_depth(self) -> None:
        if (depth := self.description["depth"]) and depth["image"] is not None:
            _check_inside(depth["image"], f"{self.source}: depth.image")
        for index, entry in enumerate(self.stack):
            if entry["depth"]:
                where = f"{self.source}: composite.layers[{index}].depth"
                self._check_depth_for(where)
                if entry["depth"]["start"] == entry["depth"]["end"]:
                    raise StrataError(
                        f"{where} has its start and its end at {entry['depth']['start']:g}, so that the layer could not fade. Set "
                        "them apart."
                    )
        if field := self.description["composite"]["depth_of_field"]:
            where = f"{self.source}: composite.depth_of_field"
            self._check_depth_for(where)
            if field["range"] >= max(field["focus"], 1 - field["focus"]):
                raise StrataError(
                    f"{where}.range is {field['range']:g}, but with its focus at {field['focus']:g} nothing lies so far off: nothing "
                    "would be blurred. Lower it."
                )

    def _check_depth_for(self, where: str) -> None:
        if self.description["depth"] is None:
            raise StrataError(
                f"{where} needs a picture of distances, and there is none. Add `depth: {{image: ..., near: white}}`, or "
                "`depth: {of: background}` for what a model estimates."
            )

    def _check_strength(self, key: str, described: Passed, strength: float, task: Task) -> None:
        steps = model_settings.choose(described, self.description["models"][_model_name(described, task)]).steps
        strength = self._strength(described, strength, task)
        if int(steps * strength) < 1:
            raise StrataError(
                f"{self.source}: {key} runs no step: {steps} steps at strength {strength} are "
                f"{steps * strength:g}. Raise one of the two."
            )

    def _check_subject(self, name: str, subject: Subject) -> None:
        where = f"{self.source}: subjects.{name}"
        if (subject["prompt"] is None) == (subject["image"] is None):
            raise StrataError(
                f"{where} needs either a prompt or an image, and not both. In a scene's file, null takes a key away."
            )
        if subject["image"] is not None:
            self._check_placement(where, subject)
            return
        if subject["mask"] is None:
            raise StrataError(f"{where}.mask is missing. Add it: where the subject is painted.")
        placed = {"position": subject["position"], "bbox": subject["bbox"], "scale": subject["scale"]}
        for key, value in placed.items():
            if value is not None and value != 1:
                raise StrataError(
                    f"{where}.{key} is {value}, but it places an image, and there is none. A mask says where a subject is "
                    f"painted: leave {key} out."
                )
        self._check_strength(f"subjects.{name}", subject, subject["strength"], "inpainting")

    def _check_placement(self, where: str, subject: Subject) -> None:
        """Refuses an image that cannot be placed; the job that draws it sees the rest."""
        _check_inside(subject["image"] or "", f"{where}.image")
        if subject["bbox"] is None:
            return
        if subject["position"] is not None or subject["scale"] != 1:
            other = "scale" if subject["position"] is None else "position"
            raise StrataError(
                f"{where} has a bbox and a {other}. Either says where its image goes: leave one of them out."
            )
        box, canvas = Box(*subject["bbox"]), self._canvas_box()
        if box.left >= box.right or box.top >= box.bottom or not box.meets(canvas):
            raise StrataError(
                f"{where}.bbox is {', '.join(f'{side:g}' for side in box)}, which holds no pixel of the canvas of {canvas.right} x "
                f"{canvas.bottom}. It is left, top, right and bottom, with left < right and top < bottom."
            )

    def _check_effect(self, name: str, effect: Effect) -> None:
        where = f"{self.source}: effects.{name}"
        if (effect["prompt"] is None) == (effect["image"] is None):
            raise StrataError(
                f"{where} needs either a prompt or an image, and not both. In a scene's file, null takes a key away."
            )
        if effect["image"] is not None:
            _check_inside(effect["image"], f"{where}.image")

    def _check_mask(self, name: str, mask: Mask) -> None:
        """Refuses what is known to be wrong before drawing; masks.check() sees the rest when the mask is drawn."""
        where = f"{self.source}: subjects.{name}.mask"
        if mask["shapes"] is not None and mask["image"] is not None:
            raise StrataError(f"{where} needs either shapes or an image, and not both.")
        if all(mask[key] is None for key in ("shapes", "image", "layer", "text")):
            raise StrataError(
                f"{where} needs shapes, an image, a layer that it follows, or a text that says what it covers."
            )
        if mask["layer"] is not None:
            self._check_mask_layer(name, mask["layer"], f"{where}.layer")
        elif mask["flip"] != "none" or any(mask["offset"]):
            key, value = ("offset", mask["offset"]) if mask["flip"] == "none" else ("flip", mask["flip"])
            raise StrataError(
                f"{where}.{key} is {value}, but there is no layer that it could act on. Add `layer:`, or leave {key} out."
            )
        if mask["image"] is not None:
            _check_inside(mask["image"], f"{where}.image")
        canvas = self._canvas_box()
        boxes = [mask_extents.shape_box(shape) for shape in mask["shapes"] or ()]
        for index, box in enumerate(boxes):
            if box is not None and (box.left >= box.right or box.top >= box.bottom):
                raise StrataError(
                    f"{where}.shapes[{index}] has no area: its left and top must be less than its right and bottom, and "
                    f"they are {', '.join(f'{side:g}' for side in box)}."
                )
        if mask["invert"] or not boxes or None in boxes or mask["layer"] is not None or mask["text"] is not None:
            return
        # What shrinks does not shrink where it runs off the canvas, so that its box stays.
        grown = [box.grown(max(mask["grow"], 0)) for box in boxes if box is not None]
        if not any(box.meets(canvas) for box in grown):
            raise StrataError(
                f"{where} lies off the canvas, which is {canvas.right} x {canvas.bottom} pixels. Move its shapes into it."
            )
        cell = reference.LATENT_CELL / self.canvas["scale"]
        if len(grown) == 1 and min(grown[0].right - grown[0].left, grown[0].bottom - grown[0].top) < cell:
            raise StrataError(
                f"{where} is thinner than {cell:g} pixels, one cell of the model's latents, so that nothing would be "
                "painted. Make its shape larger."
            )

    def _check_mask_layer(self, name: str, layer: str, where: str) -> None:
        """Refuses a layer that is not there when the mask is drawn, or says nothing."""
        earlier = list(self.subjects)[: list(self.subjects).index(name)]
        if layer in earlier:
            return
        if layer in self.effects:
            effect = self.effects[layer]
            if effect["image"] is None and effect["alpha"] == "own":
                raise StrataError(
                    f"{where} is {layer!r}, which is opaque everywhere. Give that effect `alpha: luminance`, or name another layer."
                )
            return
        known = ", ".join([*earlier, *self.effects]) or "none"
        if layer == name:
            problem = "which is its own subject"
        elif layer in self.subjects:
            problem = "which is painted later and sees this one"
        elif layer == "background":
            problem = "which is opaque everywhere"
        else:
            problem = "but no layer has that name"
        raise StrataError(
            f"{where} is {layer!r}, {problem}. A mask may follow an earlier subject or an effect: {known}."
        )


def _digest_code(kind: str, described: Passed) -> str:
    """The digest of the code that decides a pass, and of what prepares its guides, if it has some."""
    own = digest_code(kind)
    return f"{own}-{digest_code('guides')}" if list_guides(described) else own


def _model_name(described: Passed, task: Task) -> str:
    """The name of the model that paints a pass: its own, or that of the task."""
    return described["model"] or task


def _entry(layer: str, opacity: float = 1.0, blend: str = "normal") -> StackEntry:
    return {"layer": layer, "opacity": opacity, "blur": 0.0, "blend": blend, "position": [0.0, 0.0], "depth": None}


def _check_inside(path: str, where: str) -> None:
    folder = Path.cwd().resolve()
    if "\0" not in path and not Path(os.path.realpath(folder / path)).is_relative_to(folder):
        raise StrataError(f"{where} is {path!r}, which lies outside the workflow's folder. Copy the file into it.")
    if not is_file(folder / path):
        raise StrataError(f"{where} is {path!r}, but there is no such file in {folder}. Fix the path or add the file.")
