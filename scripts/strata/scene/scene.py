"""One scene: its passes, its masks, who sees whom."""

from collections.abc import Mapping
from typing import Any

from strata import mask_extents, passes
from strata.code_digests import digest_code
from strata.errors import StrataError
from strata.mask_extents import Box
from strata.models import adapter_files, reference
from strata.models.kinds import INDEX
from strata.passes import PassLora, PassModel, PassStyle, StackEntry
from strata.scene import checks, model_settings, upscales
from strata.scene.described import DescribedScene, Task, make_entry, model_name
from strata.scene.description import Background, Effect, Model, Passed, Refine, Style, Subject
from strata.scene.guides import Source, as_control_picture, as_guide, list_guides

NOT_EFFECTIVE = ("preset", "exports", "compare")
"""What no effective scene has: a preset, whose values are in effect, and what is made of a picture and decides nothing about it."""


class Scene(DescribedScene):
    """One scene, checked and complete.

    Args:
        described: the scene as the schema describes it; defaults may be missing.
        source: the file that a sentence about a wrong value names.
        models: what was found out of models already, for all scenes of a build; more is added.
    """

    def __init__(self, described: Mapping[str, Any], source: str, models: reference.Known | None = None):
        super().__init__(described, source, models)
        checks.check(self)

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
            "strength": self.strength(background, background["strength"], "text_to_image"),
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
            "strength": self.strength(subject, subject["strength"], "inpainting"),
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
            "cell": reference.LATENT_CELL if self.subjects[name]["image"] is None else 0,  # 0: no model looks at it
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
            "strength": self.strength(refine, refine["strength"], "text_to_image"),
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
            "stack": [make_entry("refined")] if refined else self.rendered_stack(),
            "depth": self.depth_picture() if field else None if refined else self.stack_depth(),
            "depth_of_field": field and {**field, "blur": field["blur"] * self.canvas["scale"]},
            "finish": self.description["composite"]["finish"],
            "width": width,
            "height": height,
            "code": digest_code("composite"),
        }

    def upscale(self, factor: int) -> passes.Upscale:
        """How the final picture is made so many times larger."""
        return upscales.describe(self.description, factor, self.size, self.source, self.known)

    def effective(self) -> dict[str, Any]:
        """The description with nothing left to defaults. What has no order is sorted."""
        composite = {**self.description["composite"], "layers": self.stack}
        effects = dict(sorted(self.effects.items()))
        effective: dict[str, Any] = {**self.description, "effects": effects, "composite": composite}
        return {key: value for key, value in effective.items() if key not in NOT_EFFECTIVE}

    def notes(self) -> list[str]:
        """What a reader of the config would not expect, in sentences: values that a model replaces."""
        return [
            note
            for key, described, task in self.painted()
            for name in [model_name(described, task)]
            for note in model_settings.notes(key, described, name, self.description["models"][name])
        ]

    def hub_models(self) -> list[reference.HubModel]:
        """The models on the hub that the scene names, but those by a name that no pass has."""
        described = self.description
        used = {"text_to_image", "inpainting", *(passed["model"] for _, passed, _ in self.painted())}
        named: dict[str, Any] = {f"models.{name}": model for name, model in described["models"].items() if name in used}
        controlnets = [control["model"] for _, passed, _ in self.painted() if (control := passed["control"])]
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
        controls = [model for name in dict.fromkeys(controlnets) if (model := self.guiding.hub_model(name))]
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
            return self.canvas_box()
        if name in self.masks:
            followed = [self._extent(layer) for layer in self.mask_layers(name)]
            return mask_extents.mask_box(self.masks[name], self.canvas_box(), self.canvas["scale"], *followed)
        # How large an image is, is not known without reading it.
        bbox = self.subjects[name]["bbox"]
        return self.canvas_box() if bbox is None else Box(*bbox).grown(1 / self.canvas["scale"])

    def _diffusion_pass(
        self, key: str, described: Background | Subject | Effect | Refine, task: Task
    ) -> passes.DiffusionPass:
        """What a pass is painted with: its values, its adapters, its model. `key` is its place in the scene."""
        name = model_name(described, task)
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
            "style_picture": as_guide(described["style"]),
            "reference": as_guide(described["reference"]),
            "reference_weight": described["reference"] and described["reference"]["weight"],
            "control": self.guiding.resolve_control(described["control"]),
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
                    lora["file"], f"{self.source}: {key}.loras[{index}].file", self.known.memory
                ),
            }
            for index, lora in enumerate(described["loras"])
        ]

    def _style(self, key: str, style: Style | None, model: str) -> PassStyle | None:
        if style is None:
            return None
        adapter = self.description["models"][model]["style_adapter"]
        where, model_where = f"{self.source}: {key}.style", f"{self.source}: models.{model}.style_adapter"
        return adapter_files.resolve_style(style["weight"], adapter, where, model_where, self.known.memory)

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
        model = model_name(self.subjects[name], "inpainting")
        return self.known.latent_cell(self.description["models"][model]["id"])

    def _model(self, model: Model, key: str) -> PassModel:
        resolved = self.known.resolve(
            model["id"], model["revision"], model["variant"], model["dtype"], f"{self.source}: {key}"
        )
        speed = model_settings.choose_speed(model)
        return {**resolved, "speed": speed} if speed else resolved


def _digest_code(kind: str, described: Passed) -> str:
    """The digest of the code that decides a pass, and of what prepares its guides, if it has some."""
    own = digest_code(kind)
    return f"{own}-{digest_code('guides')}" if list_guides(described) else own
