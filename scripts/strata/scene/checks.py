"""What is wrong with a scene that its schema allows: a sentence with the file, the key, the value and the remedy."""

from strata import mask_extents
from strata.errors import StrataError
from strata.mask_extents import Box
from strata.models import reference
from strata.passes import Mask
from strata.scene import model_settings
from strata.scene.described import DescribedScene, Task, check_own_file, model_name
from strata.scene.description import Effect, Passed, Subject


def check(scene: DescribedScene) -> None:
    """Refuses what could not be painted, before any job begins.

    Raises:
        StrataError: what is wrong, and what to do.
    """
    _check_names(scene)
    _check_models(scene)
    _check_guides(scene)
    _check_background(scene)
    _check_refine(scene)
    _check_depth(scene)
    scene.perception.validate()
    for name, subject in scene.subjects.items():
        _check_subject(scene, name, subject)
    for name, mask in scene.masks.items():
        _check_mask(scene, name, mask)
    for name, effect in scene.effects.items():
        _check_effect(scene, name, effect)


def _check_names(scene: DescribedScene) -> None:
    for section in (scene.subjects, scene.effects):
        if "background" in section:
            raise StrataError(
                f"{scene.source}: a layer is named background, which is the name of the first layer. Rename it."
            )
        if "refined" in section and scene.description["refine"] is not None:
            raise StrataError(
                f"{scene.source}: a layer is named refined, which is the name of what `refine` paints. Rename it."
            )
    if both := sorted(scene.subjects.keys() & scene.effects.keys()):
        raise StrataError(f"{scene.source}: {both[0]} is a subject and an effect. Give one of them another name.")
    known = ["background", *scene.subjects, *scene.effects]
    for index, entry in enumerate(scene.stack):
        if entry["layer"] not in known:
            raise StrataError(
                f"{scene.source}: composite.layers[{index}].layer is {entry['layer']!r}, but no layer has that name. "
                f"There are: {', '.join(known)}."
            )


def _check_models(scene: DescribedScene) -> None:
    models = scene.description["models"]
    sections: dict[str, Passed | None] = {
        "background": scene.description["background"],
        "refine": scene.description["refine"],
    }
    sections |= {f"subjects.{name}": subject for name, subject in scene.subjects.items()}
    sections |= {f"effects.{name}": effect for name, effect in scene.effects.items()}
    for key, described in sections.items():
        if described is not None and described["model"] is not None and described["model"] not in models:
            raise StrataError(
                f"{scene.source}: {key}.model is {described['model']!r}, but models has none of that name. There are: "
                f"{', '.join(models)}. Name one of them, or add it to models."
            )

    for key, described, task in scene.painted():
        name = model_name(described, task)
        where = f"{scene.source}: models.{name}"
        kind = scene.known.find_class(models[name]["id"], models[name]["revision"], models[name]["variant"], where)
        if kind and (reason := model_settings.refuse_speed(models[name], kind)):
            raise StrataError(f"{where}.speed{reason}")
        if reason := model_settings.refuse_adapters(models[name], described):
            raise StrataError(f"{where}.speed{reason} {key}.")
        if task == "text_to_image" and scene.known.only_inpaints(models[name]["id"]):
            raise StrataError(
                f"{scene.source}: {key} is painted by models.{name}, {models[name]['id']!r}, which can only inpaint: it needs a "
                f"mask. Name another one as {key}.model."
            )


def _check_guides(scene: DescribedScene) -> None:
    for key, described, task in scene.painted():
        section, _, name = key.partition(".")
        earlier = [] if section == "background" else ["background"]
        if section in ("subjects", "refine"):
            subjects = list(scene.subjects)
            earlier += [*scene.effects, *(subjects[: subjects.index(name)] if name else subjects)]
        anew = section == "refine" or (section == "background" and scene.description["background"]["image"])
        does = "inpaint" if task == "inpainting" else "image_to_image" if anew else "text_to_image"
        if (control := described["control"]) and control["kind"] == "depth" and control["of"] in scene.effects:
            raise StrataError(
                f"{scene.source}: {key}.control.of is {control['of']!r}, an effect, whose depth cannot be estimated. Name the "
                "background or a subject."
            )
        scene.guiding.check(key, described, model_name(described, task), does, earlier)


def _check_background(scene: DescribedScene) -> None:
    background = scene.description["background"]
    where = f"{scene.source}: background"
    prompt, image, strength = background["prompt"], background["image"], background["strength"]
    if prompt is None and image is None:
        raise StrataError(
            f"{where} has neither a prompt nor an image. Add `prompt:`, what to paint, or `image:`, a picture file."
        )
    if image is not None:
        check_own_file(image, f"{where}.image")
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
        _check_strength(scene, "background", background, strength, "text_to_image")


def _check_refine(scene: DescribedScene) -> None:
    if (refine := scene.description["refine"]) is None:
        return
    _check_strength(scene, "refine", refine, refine["strength"], "text_to_image")
    if refine["mask"] is not None and not any(entry["layer"] in scene.subjects for entry in scene.stack):
        raise StrataError(
            f"{scene.source}: refine.mask asks for a ring round the subjects, but the composite holds none. Leave mask out to "
            "refine all of the picture."
        )


def _check_depth(scene: DescribedScene) -> None:
    if (depth := scene.description["depth"]) and depth["image"] is not None:
        check_own_file(depth["image"], f"{scene.source}: depth.image")
    for index, entry in enumerate(scene.stack):
        if entry["depth"]:
            where = f"{scene.source}: composite.layers[{index}].depth"
            _check_depth_for(scene, where)
            if entry["depth"]["start"] == entry["depth"]["end"]:
                raise StrataError(
                    f"{where} has its start and its end at {entry['depth']['start']:g}, so that the layer could not fade. Set "
                    "them apart."
                )
    if field := scene.description["composite"]["depth_of_field"]:
        where = f"{scene.source}: composite.depth_of_field"
        _check_depth_for(scene, where)
        if field["range"] >= max(field["focus"], 1 - field["focus"]):
            raise StrataError(
                f"{where}.range is {field['range']:g}, but with its focus at {field['focus']:g} nothing lies so far off: nothing "
                "would be blurred. Lower it."
            )


def _check_depth_for(scene: DescribedScene, where: str) -> None:
    if scene.description["depth"] is None:
        raise StrataError(
            f"{where} needs a picture of distances, and there is none. Add `depth: {{image: ..., near: white}}`, or "
            "`depth: {of: background}` for what a model estimates."
        )


def _check_strength(scene: DescribedScene, key: str, described: Passed, strength: float, task: Task) -> None:
    steps = model_settings.choose(described, scene.description["models"][model_name(described, task)]).steps
    strength = scene.strength(described, strength, task)
    if int(steps * strength) < 1:
        raise StrataError(
            f"{scene.source}: {key} runs no step: {steps} steps at strength {strength} are "
            f"{steps * strength:g}. Raise one of the two."
        )


def _check_subject(scene: DescribedScene, name: str, subject: Subject) -> None:
    where = f"{scene.source}: subjects.{name}"
    if (subject["prompt"] is None) == (subject["image"] is None):
        raise StrataError(
            f"{where} needs either a prompt or an image, and not both. In a scene's file, null takes a key away."
        )
    if subject["image"] is not None:
        _check_placement(scene, where, subject)
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
    _check_strength(scene, f"subjects.{name}", subject, subject["strength"], "inpainting")


def _check_placement(scene: DescribedScene, where: str, subject: Subject) -> None:
    """Refuses an image that cannot be placed; the job that draws it sees the rest."""
    check_own_file(subject["image"] or "", f"{where}.image")
    if subject["bbox"] is None:
        return
    if subject["position"] is not None or subject["scale"] != 1:
        other = "scale" if subject["position"] is None else "position"
        raise StrataError(f"{where} has a bbox and a {other}. Either says where its image goes: leave one of them out.")
    box, canvas = Box(*subject["bbox"]), scene.canvas_box()
    if box.left >= box.right or box.top >= box.bottom or not box.meets(canvas):
        raise StrataError(
            f"{where}.bbox is {', '.join(f'{side:g}' for side in box)}, which holds no pixel of the canvas of {canvas.right} x "
            f"{canvas.bottom}. It is left, top, right and bottom, with left < right and top < bottom."
        )


def _check_effect(scene: DescribedScene, name: str, effect: Effect) -> None:
    where = f"{scene.source}: effects.{name}"
    if (effect["prompt"] is None) == (effect["image"] is None):
        raise StrataError(
            f"{where} needs either a prompt or an image, and not both. In a scene's file, null takes a key away."
        )
    if effect["image"] is not None:
        check_own_file(effect["image"], f"{where}.image")


def _check_mask(scene: DescribedScene, name: str, mask: Mask) -> None:
    """Refuses what is known to be wrong before drawing; masks.check() sees the rest when the mask is drawn."""
    where = f"{scene.source}: subjects.{name}.mask"
    if mask["shapes"] is not None and mask["image"] is not None:
        raise StrataError(f"{where} needs either shapes or an image, and not both.")
    if all(mask[key] is None for key in ("shapes", "image", "layer", "text")):
        raise StrataError(
            f"{where} needs shapes, an image, a layer that it follows, or a text that says what it covers."
        )
    if mask["layer"] is not None:
        _check_mask_layer(scene, name, mask["layer"], f"{where}.layer")
    elif mask["flip"] != "none" or any(mask["offset"]):
        key, value = ("offset", mask["offset"]) if mask["flip"] == "none" else ("flip", mask["flip"])
        raise StrataError(
            f"{where}.{key} is {value}, but there is no layer that it could act on. Add `layer:`, or leave {key} out."
        )
    if mask["image"] is not None:
        check_own_file(mask["image"], f"{where}.image")
    canvas = scene.canvas_box()
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
    if scene.subjects[name]["image"] is not None:
        return  # no model looks at it
    cell = reference.LATENT_CELL / scene.canvas["scale"]
    if len(grown) == 1 and min(grown[0].right - grown[0].left, grown[0].bottom - grown[0].top) < cell:
        raise StrataError(
            f"{where} is thinner than {cell:g} pixels, one cell of the model's latents, so that nothing would be "
            "painted. Make its shape larger."
        )


def _check_mask_layer(scene: DescribedScene, name: str, layer: str, where: str) -> None:
    """Refuses a layer that is not there when the mask is drawn, or says nothing."""
    earlier = list(scene.subjects)[: list(scene.subjects).index(name)]
    if layer in earlier:
        return
    if layer in scene.effects:
        effect = scene.effects[layer]
        if effect["image"] is None and effect["alpha"] == "own":
            raise StrataError(
                f"{where} is {layer!r}, which is opaque everywhere. Give that effect `alpha: luminance`, or name another layer."
            )
        return
    known = ", ".join([*earlier, *scene.effects]) or "none"
    if layer == name:
        problem = "which is its own subject"
    elif layer in scene.subjects:
        problem = "which is painted later and sees this one"
    elif layer == "background":
        problem = "which is opaque everywhere"
    else:
        problem = "but no layer has that name"
    raise StrataError(f"{where} is {layer!r}, {problem}. A mask may follow an earlier subject or an effect: {known}.")
