"""One scene: its passes, its masks, who sees whom."""

import pytest

from strata.errors import StrataError
from strata.imaging import masks
from strata.scene.scene import Scene


def subject(*shapes, context="canvas", **mask) -> dict:
    return {"prompt": "x", "context": context, "mask": {"shapes": list(shapes), "feather": 0} | mask}


def own(**placement) -> dict:
    return {"image": "own.png"} | placement


RING = {"prompt": "x", "mask": {"ring": 8}}


FIELD = {"focus": 0.3, "blur": 4}


def follow(config: dict, **ramp) -> None:
    """Has the fog of the tiny scene follow the distance."""
    config["depth"] = {"image": "own.png", "near": "white"}
    config["composite"]["layers"][3]["depth"] = ramp


def box(*sides) -> dict:
    return {"shape": "rectangle", "bbox": list(sides)}


def test_a_plain_chain_sees_all_earlier_subjects(config):
    scene = Scene(config, "config.yaml")
    assert scene.plate("astronaut") == ["background"]
    assert scene.plate("rover") == ["background", "astronaut"]


@pytest.mark.parametrize(
    ("margin", "left", "seen"),
    [(0, 400, False), (0, 110, True), (100, 400, False), (400, 400, True), ("canvas", 700, True)],
)
def test_a_margin_sees_the_subjects_within_it(config, margin, left, seen):
    config["canvas"] = {"width": 768, "height": 512}
    config["subjects"] = {
        "first": subject(box(0, 0, 100, 100)),
        "second": subject(box(left, 0, left + 60, 100), context=margin),
    }
    config["composite"] = {}
    assert ("first" in Scene(config, "config.yaml").plate("second")) == seen


@pytest.mark.parametrize("blind", [{"invert": True}, {"grow": 60}])
def test_a_mask_that_reaches_far_is_seen_from_afar(config, blind):
    config["canvas"] = {"width": 768, "height": 512}
    config["composite"] = {}
    config["subjects"] = {
        "first": subject(box(0, 0, 100, 100), **blind),
        "second": subject(box(150, 0, 250, 100), context=0),
    }
    assert Scene(config, "config.yaml").plate("second") == ["background", "first"]


def test_lengths_are_scaled_to_rendered_pixels(config):
    config["canvas"]["scale"] = 2
    config["subjects"]["rover"]["context"] = 20
    config["composite"]["layers"][3]["position"] = [3, -4]
    scene = Scene(config, "config.yaml")
    assert scene.size == (192, 128)
    assert scene.inpaint("rover")["context"] == 40
    fog = scene.composite()["stack"][3]
    assert (fog["blur"], fog["position"]) == (4.0, [6, -8])


def test_without_a_composite_effects_are_screened_over_the_subjects(config):
    del config["composite"]
    stack = Scene(config, "config.yaml").composite()["stack"]
    assert [entry["layer"] for entry in stack] == ["background", "astronaut", "rover", "fog"]
    assert (stack[3]["blend"], stack[3]["opacity"]) == ("screen", 0.5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["composite"]["layers"].append({"layer": "dragon"}), "composite.layers[4].layer is 'dragon'"),
        (lambda c: c["effects"].update(astronaut=c["effects"]["fog"]), "astronaut is a subject and an effect"),
        (lambda c: c["effects"].update(background=c["effects"]["fog"]), "a layer is named background"),
        (lambda c: c["subjects"]["rover"].update(strength=0.1), "subjects.rover runs no step: 3 steps at strength 0.1"),
        (lambda c: c["subjects"]["rover"].update(mask={}), "subjects.rover.mask needs shapes, an image, a layer that"),
        (lambda c: c["subjects"]["rover"]["mask"].update(image="a.png"), "needs either shapes or an image"),
        (
            lambda c: c["subjects"]["rover"].update(mask={"image": "a.png"}),
            "mask.image is 'a.png', but there is no such",
        ),
        (lambda c: c["subjects"]["rover"].update(mask={"image": "../a.png"}), "lies outside the workflow's folder"),
        (lambda c: c["subjects"]["rover"].update(mask={"layer": "rover"}), "mask.layer is 'rover', which is its own"),
        (lambda c: c["subjects"]["astronaut"].update(mask={"layer": "rover"}), "is 'rover', which is painted later"),
        (lambda c: c["subjects"]["rover"].update(mask={"layer": "dragon"}), "is 'dragon', but no layer has that name"),
        (
            lambda c: c["subjects"]["rover"].update(mask={"layer": "background"}),
            "which is opaque everywhere. A mask may",
        ),
        (
            lambda c: c["subjects"]["rover"].update(mask={"layer": "fog"}),
            "mask.layer is 'fog', which is opaque everywhere",
        ),
        (
            lambda c: c["subjects"]["rover"]["mask"].update(offset=[4, 0]),
            "mask.offset is [4.0, 0.0], but there is no layer",
        ),
        (
            lambda c: c["subjects"]["rover"]["mask"].update(flip="vertical"),
            "mask.flip is vertical, but there is no layer",
        ),
        (
            lambda c: c["background"].update(model="x"),
            "background.model is 'x', but models has none of that name. There",
        ),
        (lambda c: c["subjects"]["rover"].update(model="x"), "subjects.rover.model is 'x', but models has none"),
        (lambda c: c["effects"]["fog"].update(model="x"), "effects.fog.model is 'x', but models has none of that name"),
        (lambda c: c.update(refine={"prompt": "x", "model": "x"}), "refine.model is 'x', but models has none"),
        (lambda c: c["background"].update(model="inpainting"), "background is painted by models.inpainting, "),
        (lambda c: c.update(refine={"prompt": "x", "model": "inpainting"}), "which can only inpaint: it needs a mask"),
        (lambda c: c["models"].update(Big={"id": "x"}), "models holds a model named 'Big'. A name is a small letter"),
        (lambda c: c["models"].update(own={"dtype": "auto"}), "models.own.id is missing. Add it: A folder"),
        (lambda c: c.update(refine={"prompt": "x", "steps": 4}), "refine runs no step: 4 steps at strength 0.2"),
        (lambda c: c.update(refine=RING, subjects={}, composite={}), "refine.mask asks for a ring round the subjects"),
        (
            lambda c: c["composite"]["layers"][3].update(depth={}),
            "composite.layers[3].depth needs a picture of distances",
        ),
        (
            lambda c: c["composite"].update(depth_of_field=FIELD),
            "composite.depth_of_field needs a picture of distances",
        ),
        (lambda c: c.update(depth={"image": "a.png", "near": "white"}), "depth.image is 'a.png', but there is no such"),
        (lambda c: c.update(depth={"image": "../a.png", "near": "white"}), "lies outside the workflow's folder"),
        (
            lambda c: follow(c, start=1),
            "layers[3].depth has its start and its end at 1, so that the layer could not fade",
        ),
        (lambda c: (follow(c), c["composite"].update(depth_of_field=FIELD | {"range": 0.7})), "range is 0.7, but with"),
        (lambda c: c["subjects"].update(x={"prompt": "x"}), "subjects.x.mask is missing. Add it"),
        (lambda c: c["subjects"].update(x={"mask": {"feather": 1}}), "subjects.x needs either a prompt or an image"),
        (lambda c: c["subjects"]["rover"].update(image="own.png"), "subjects.rover needs either a prompt or an image"),
        (lambda c: c["subjects"].update(x={"image": "b.png"}), "subjects.x.image is 'b.png', but there is no such"),
        (lambda c: c["subjects"].update(x={"image": "../b.png"}), "lies outside the workflow's folder"),
        (
            lambda c: c["subjects"]["rover"].update(position=[0, 0]),
            "subjects.rover.position is [0.0, 0.0], but it places",
        ),
        (lambda c: c["subjects"]["rover"].update(scale=2), "subjects.rover.scale is 2.0, but it places an image"),
        (lambda c: c["subjects"].update(x=own(bbox=[0, 0, 9, 9], scale=2)), "subjects.x has a bbox and a scale"),
        (lambda c: c["subjects"].update(x=own(bbox=[0, 0, 9, 9], position=[1, 1])), "has a bbox and a position"),
        (
            lambda c: c["subjects"].update(x=own(bbox=[200, 0, 209, 9])),
            "subjects.x.bbox is 200, 0, 209, 9, which holds no",
        ),
        (
            lambda c: c["subjects"].update(x=own(bbox=[9, 0, 4, 9])),
            "subjects.x.bbox is 9, 0, 4, 9, which holds no pixel",
        ),
        (lambda c: c.update(background={}), "background has neither a prompt nor an image"),
        (lambda c: c["background"].update(image="a.png"), "background.image is 'a.png', but there is no such"),
        (lambda c: c["background"].update(image="../a.png"), "lies outside the workflow's folder"),
        (lambda c: c["background"].update(image="own.png"), "background has both a prompt and an image"),
        (lambda c: c["background"].update(strength=0.5), "background.strength is 0.5, but there is no image"),
        (lambda c: c.update(background={"image": "own.png", "strength": 0.5}), "but there is no prompt"),
        (lambda c: c["background"].update(image="own.png", strength=0.2), "background runs no step: 3 steps at"),
        (lambda c: c["effects"].update(fog={}), "effects.fog needs either a prompt or an image"),
        (lambda c: c["effects"]["fog"].update(image="a.png"), "effects.fog needs either a prompt or an image"),
        (lambda c: c["effects"].update(x={"image": "a.png"}), "effects.x.image is 'a.png', but there is no such"),
        (lambda c: c["effects"].update(x={"image": "/etc/a.png"}), "lies outside the workflow's folder"),
        (lambda c: c["subjects"].update(x=subject(box(200, 0, 300, 9))), "subjects.x.mask lies off the canvas"),
        (lambda c: c["subjects"].update(x=subject(box(9, 9, 4, 20))), "subjects.x.mask.shapes[0] has no area"),
        (lambda c: c["subjects"].update(x=subject(box(9, 9, 12, 40))), "subjects.x.mask is thinner than 8 pixels"),
    ],
)
def test_a_scene_that_cannot_be_painted_is_refused(config, change, said, tmp_path):
    (tmp_path / "own.png").touch()
    change(config)
    with pytest.raises(StrataError) as error:
        Scene(config, "config.yaml")
    assert said in str(error.value)
    assert str(error.value).startswith("config.yaml: ")


def test_the_effective_scene_does_not_depend_on_the_order_of_its_keys(config):
    config["effects"]["dust"] = config["effects"]["fog"] | {"seed": 1}
    shuffled = dict(reversed(config.items())) | {"effects": dict(reversed(config["effects"].items()))}
    assert repr(Scene(config, "a").effective()) == repr(Scene(shuffled, "a").effective())


@pytest.mark.parametrize(("blocks", "cell"), [(4, 8), (5, 16), (0, 8)])
def test_the_cell_of_a_models_latents_follows_from_its_autoencoder(config, tmp_path, blocks, cell):
    folder = tmp_path / "other"
    (folder / "vae").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "vae/config.json").write_text(f'{{"block_out_channels": {[8] * blocks}}}')
    config["models"]["inpainting"]["id"] = str(folder)
    scene = Scene(config, "config.yaml")
    assert scene.inpaint("rover")["cell"] == cell
    assert scene.mask("rover")["cell"] == 8  # another model draws no mask again


def test_an_effect_from_an_image_takes_no_model(config, tmp_path):
    (tmp_path / "mist.png").touch()
    config["effects"]["mist"] = {"image": "mist.png", "seed": 3}
    spec = Scene(config, "config.yaml").effect("mist")
    assert {"model", "seed", "steps"}.isdisjoint(spec)
    assert (spec["task"], spec["image"], spec["alpha"]) == ("image", "mist.png", "own")


def test_a_background_from_an_image_takes_a_model_only_with_a_prompt(config, tmp_path):
    (tmp_path / "own.png").touch()
    config["background"] = {"image": "own.png", "fit": "contain", "seed": 3}
    spec = Scene(config, "config.yaml").background()
    assert {"model", "seed", "steps", "strength"}.isdisjoint(spec)
    assert (spec["task"], spec["image"], spec["fit"]) == ("photograph", "own.png", "contain")
    config["background"] |= {"prompt": "a desert", "strength": 0.5}
    spec = Scene(config, "config.yaml").background()
    assert (spec["task"], spec["image"], spec["strength"]) == ("image_to_image", "own.png", 0.5)
    config["models"]["text_to_image"]["strength_limit"] = 0.4
    scene = Scene(config, "config.yaml")
    assert scene.background()["strength"] == 0.4
    assert "background.strength is 0.5, but models.text_to_image.strength_limit makes it 0.4" in scene.notes()


def test_a_subject_that_is_an_image_sees_nothing_and_is_seen(config, tmp_path):
    (tmp_path / "own.png").touch()
    config["composite"] = {}
    config["canvas"] = {"width": 768, "height": 512, "scale": 2}
    config["subjects"] = {
        "near": own(bbox=[0, 0, 100, 100]),
        "far": own(bbox=[300, 300, 400, 400]),
        "anywhere": own(position=[500, 400]),
        "cut": own(mask={"shapes": [box(300, 0, 400, 100)], "feather": 0}),
        "rover": subject(box(110, 0, 200, 100), context=20),
    }
    scene = Scene(config, "config.yaml")
    assert scene.plate("anywhere") == []
    assert scene.plate("rover") == ["background", "near", "anywhere"]
    assert (scene.subject("far")["bbox"], scene.subject("anywhere")["position"]) == ([600, 600, 800, 800], [1000, 800])
    assert (scene.subject("cut")["scale"], scene.subject("cut")["masked"], scene.subject("far")["masked"]) == (2, 1, 0)
    assert list(scene.masks) == ["cut", "rover"]
    assert {"model", "seed"}.isdisjoint(scene.subject("near"))


def test_a_mask_that_follows_a_layer_reaches_as_far_as_that(config):
    config["composite"] = {}
    config["canvas"] = {"width": 768, "height": 512}
    config["subjects"] = {
        "astronaut": subject(box(0, 0, 100, 100)),
        "shadow": {"prompt": "x", "context": 0, "mask": {"layer": "astronaut", "offset": [300, 0], "feather": 0}},
        "rover": subject(box(310, 0, 420, 100), context=0),
        "robot": subject(box(500, 0, 600, 100), context=0),
    }
    scene = Scene(config, "config.yaml")
    assert [scene.mask_layers(name) for name in scene.subjects] == [[], ["astronaut"], [], []]
    assert scene.plate("shadow") == ["background"]
    assert scene.plate("rover") == ["background", "shadow"]
    assert scene.plate("robot") == ["background"]


def test_what_is_refined_takes_the_place_of_the_stack(config):
    assert len(Scene(config, "config.yaml").composite()["stack"]) == 4
    config["canvas"]["scale"] = 2
    config["refine"] = RING
    scene = Scene(config, "config.yaml")
    assert [entry["layer"] for entry in scene.composite()["stack"]] == ["refined"]
    spec = scene.refine()
    assert (spec["strength"], spec["stack"][3]["blur"]) == (0.2, 4.0)
    assert spec["ring"] == {"layers": ["astronaut", "rover"], "width": 16.0, "feather": 16.0}
    config["models"]["text_to_image"]["strength_limit"] = 0.1
    assert Scene(config, "config.yaml").refine()["strength"] == 0.1
    assert "refine.strength is 0.2, but models.text_to_image.strength_limit makes it 0.1" in (
        Scene(config, "config.yaml").notes()
    )


def test_a_depth_picture_is_read_where_something_follows_it(config, tmp_path):
    (tmp_path / "own.png").touch()
    follow(config)
    config["canvas"]["scale"] = 2
    scene = Scene(config, "config.yaml")
    assert scene.composite()["depth"]["image"] == "own.png"
    assert scene.composite()["stack"][3]["depth"] == {"start": 0.0, "end": 1.0}
    config["refine"] = {"prompt": "x"}
    scene = Scene(config, "config.yaml")
    assert (scene.refine()["depth"]["near"], scene.composite()["depth"]) == ("white", None)
    config["composite"]["depth_of_field"] = FIELD
    scene = Scene(config, "config.yaml")
    assert scene.composite()["depth"]["image"] == "own.png"
    assert scene.composite()["depth_of_field"] == {"focus": 0.3, "range": 0.05, "blur": 8.0}
    del config["composite"]["layers"][3]["depth"]
    assert Scene(config, "config.yaml").refine()["depth"] is None


def test_a_pass_may_name_its_model(config, models):
    own = {"id": str(models / "text-to-image"), "dtype": "float32", "steps": 7, "strength_limit": 0.4}
    config["models"]["own"] = own
    config["subjects"]["rover"]["model"] = config["effects"]["fog"]["model"] = "own"
    config["refine"] = {"prompt": "x", "strength": 0.5, "model": "own"}
    scene = Scene(config, "config.yaml")
    assert [scene.inpaint(name)["model"]["dtype"] for name in scene.subjects] == ["auto", "float32"]
    for spec in (scene.inpaint("rover"), scene.effect("fog"), scene.refine()):
        assert (spec["steps"], spec["model"]["dtype"]) == (7, "float32")
    assert (scene.inpaint("rover")["strength"], scene.inpaint("astronaut")["strength"]) == (0.4, 0.95)
    assert scene.refine()["strength"] == 0.4
    assert scene.background()["model"]["id"] == str(models / "text-to-image")
    assert "effects.fog.steps is 2, but models.own.steps makes it 7" in scene.notes()


def test_only_models_that_a_pass_names_are_fetched(config):
    for name in ("own", "other"):
        config["models"][name] = {"id": f"somebody/{name}"}
    config["subjects"]["rover"]["model"] = "own"
    assert [model["id"] for model in Scene(config, "config.yaml").hub_models()] == ["somebody/own"]


def test_lengths_are_rounded_and_not_cut_off(config):
    config["canvas"] |= {"width": 101, "height": 99, "scale": 0.75}
    config["subjects"]["rover"]["context"] = 21
    config["composite"]["layers"][3]["position"] = [3, -3]
    scene = Scene(config, "config.yaml")
    assert scene.size == (76, 74)
    assert scene.inpaint("rover")["context"] == 16
    assert scene.composite()["stack"][3]["position"] == [2, -2]


def test_what_a_model_insists_on_is_in_its_passes_and_worth_a_note(config):
    config["models"]["text_to_image"] |= {"steps": 8, "guidance_scale": 1}
    config["models"]["inpainting"]["strength_limit"] = 0.5
    scene = Scene(config, "config.yaml")
    assert (scene.background()["steps"], scene.background()["guidance_scale"]) == (8, 1.0)
    assert scene.effect("fog")["steps"] == 8
    assert (scene.inpaint("rover")["steps"], scene.inpaint("rover")["strength"]) == (3, 0.5)
    assert scene.notes() == [
        "background.steps is 3, but models.text_to_image.steps makes it 8",
        "background.guidance_scale is 8, but models.text_to_image.guidance_scale makes it 1",
        "subjects.astronaut.strength is 0.95, but models.inpainting.strength_limit makes it 0.5",
        "subjects.rover.strength is 0.9, but models.inpainting.strength_limit makes it 0.5",
        "effects.fog.steps is 2, but models.text_to_image.steps makes it 8",
        "effects.fog.guidance_scale is 5, but models.text_to_image.guidance_scale makes it 1",
    ]


def test_a_mask_that_shrinks_and_runs_off_the_canvas_is_let_through(config):
    """It does not shrink where it runs off, so that a box that is shrunk on all sides says nothing."""
    config["subjects"] = {"wall": subject(box(-5, -5, 40, 70), grow=-20)}
    config["composite"] = {}
    spec = Scene(config, "config.yaml").mask("wall")
    mask = masks.draw(spec["mask"], (spec["width"], spec["height"]), spec["scale"], spec["where"])
    masks.check(mask, spec["cell"], spec["where"])
    assert mask.getbbox() == (0, 0, 20, 64)
