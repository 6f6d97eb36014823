"""What an edit costs: the jobs that a real `snakemake -n` would run after it."""

import contextlib
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from helpers.working_folder import WorkingFolder, clone
from strata.errors import StrataError
from strata.scene.layers import Layers
from strata.scene.scenes import Scenes
from strata.schema import Schema
from strata.workflow.plan import Planner
from strata.workflow.records import Comparison
from strata.workflow.rules import SceneRules

SUBJECTS = {"subjects/astronaut", "subjects/rover"}
PAINTED = {"background", *SUBJECTS, "effects/fog"}
MASKS = {"masks/astronaut", "masks/rover"}
ALWAYS = {"final"}

BACKGROUND = {"background", *SUBJECTS}
ASTRONAUT = SUBJECTS
ROVER = {"subjects/rover"}
FOG = {"effects/fog"}

EMPTY_ADAPTER = (2).to_bytes(8, "little") + b"{}"

# (key, its new value, what is painted or drawn again beside the final picture)
EDITS = [
    ("canvas.width", 104, PAINTED | MASKS),
    ("canvas.height", 72, PAINTED | MASKS),
    ("canvas.scale", 1.5, PAINTED | MASKS),
    ("preset", "sd15", PAINTED),  # whose models are of the variant fp16
    ("models.text_to_image.id", "{other}", PAINTED),
    ("models.text_to_image.revision", "main", PAINTED),
    ("models.text_to_image.variant", "fp16", PAINTED),
    ("models.text_to_image.dtype", "float32", PAINTED),
    ("models.text_to_image.scheduler", "EulerDiscreteScheduler", PAINTED),
    ("models.text_to_image.loras", [{"file": "a.safetensors", "weight": 0.5}], PAINTED),
    ("models.text_to_image.steps", 4, PAINTED),
    ("models.text_to_image.steps", 3, {"effects/fog"}),  # what the background has already
    ("models.text_to_image.guidance_scale", 7.0, PAINTED),
    ("models.text_to_image.strength_limit", 0.5, set()),
    ("models.text_to_image.speed.compile", True, PAINTED),
    ("models.text_to_image.speed.weights", "float8", PAINTED),
    ("models.inpainting.id", "{other}", SUBJECTS),
    ("models.inpainting.revision", "main", SUBJECTS),
    ("models.inpainting.variant", "fp16", SUBJECTS),
    ("models.inpainting.dtype", "float32", SUBJECTS),
    ("models.inpainting.scheduler", "EulerDiscreteScheduler", SUBJECTS),
    ("models.inpainting.loras", [{"file": "a.safetensors", "weight": 0.5}], SUBJECTS),
    ("models.inpainting.steps", 4, SUBJECTS),
    ("models.inpainting.guidance_scale", 7.0, SUBJECTS),
    ("models.inpainting.strength_limit", 0.9, ASTRONAUT),
    ("models.inpainting.speed.compile", True, SUBJECTS),
    ("models.inpainting.speed.weights", "float8", SUBJECTS),
    ("models.inpainting.speed", {"compile": False}, set()),  # which asks for nothing
    ("models.inpainting.strength_limit", 0.5, SUBJECTS),
    ("background.prompt", "a sea", BACKGROUND),
    ("background.negative_prompt", "animals", BACKGROUND),
    ("background.seed", 78, BACKGROUND),
    ("background.steps", 4, BACKGROUND),
    ("background.guidance_scale", 7.0, BACKGROUND),
    ("background.prompt_2", "a robot", BACKGROUND),
    ("background.clip_skip", 1, BACKGROUND),
    ("background.scheduler", "EulerDiscreteScheduler", BACKGROUND),
    ("background.loras", [{"file": "a.safetensors", "weight": 0.5}], BACKGROUND),
    ("background.fit", "contain", set()),  # there is no image
    ("subjects.rover.model", "text_to_image", ROVER),
    ("models.own", {"id": "{other}"}, set()),  # no pass names it
    ("subjects.astronaut.prompt", "a robot", ASTRONAUT),
    ("subjects.astronaut.negative_prompt", "blur", ASTRONAUT),
    ("subjects.astronaut.seed", 43, ASTRONAUT),
    ("subjects.astronaut.steps", 4, ASTRONAUT),
    ("subjects.astronaut.guidance_scale", 7.0, ASTRONAUT),
    ("subjects.astronaut.prompt_2", "a robot", ASTRONAUT),
    ("subjects.astronaut.clip_skip", 1, ASTRONAUT),
    ("subjects.astronaut.scheduler", "EulerDiscreteScheduler", ASTRONAUT),
    ("subjects.astronaut.loras", [{"file": "a.safetensors", "weight": 0.5}], ASTRONAUT),
    ("subjects.astronaut.strength", 0.9, ASTRONAUT),
    ("subjects.astronaut.context", 16, ASTRONAUT),
    ("subjects.astronaut.color_match", 0.5, ASTRONAUT),
    ("subjects.astronaut.heal", 0.5, ASTRONAUT),
    ("subjects.astronaut.fit", "cover", set()),  # there is no image
    ("subjects.rover.prompt", "a robot", ROVER),
    ("subjects.rover.seed", 0, ROVER),
    ("subjects.rover.context", 8, ROVER),
    ("subjects.astronaut.mask.shapes", [{"shape": "polygon", "points": [[8, 8], [32, 8], [20, 56]]}], ASTRONAUT),
    (
        "subjects.astronaut.mask.shapes",
        [{"shape": "rounded_rectangle", "bbox": [8, 8, 32, 56], "radius": 4}],
        ASTRONAUT,
    ),
    ("subjects.astronaut.mask.shapes", [{"shape": "linear_gradient", "start": [0, 0], "end": [96, 0]}], ASTRONAUT),
    (
        "subjects.astronaut.mask.shapes",
        [{"shape": "radial_gradient", "center": [20, 30], "radius": 20, "inner": 10}],
        ASTRONAUT,
    ),
    ("subjects.astronaut.mask.feather", 3, ASTRONAUT),
    ("subjects.astronaut.mask.grow", 2, ASTRONAUT),
    ("subjects.astronaut.mask.invert", True, ASTRONAUT),
    ("subjects.astronaut.mask.fit", "contain", ASTRONAUT),
    ("subjects.rover.mask.feather", 3, ROVER),
    ("effects.fog.prompt", "mist", FOG),
    ("effects.fog.negative_prompt", "sky", FOG),
    ("effects.fog.seed", 201, FOG),
    ("effects.fog.steps", 3, FOG),
    ("effects.fog.guidance_scale", 6.0, FOG),
    ("effects.fog.prompt_2", "a robot", FOG),
    ("effects.fog.clip_skip", 1, FOG),
    ("effects.fog.scheduler", "EulerDiscreteScheduler", FOG),
    ("effects.fog.loras", [{"file": "a.safetensors", "weight": 0.5}], FOG),
    ("effects.fog.alpha", "luminance", FOG),
    ("composite.layers", [{"layer": "background"}, {"layer": "astronaut"}], set()),
    ("composite.layers", [{"layer": "background", "opacity": 0.9}, {"layer": "rover"}], set()),
    ("composite.layers", [{"layer": "background", "blur": 3}, {"layer": "rover"}], set()),
    ("composite.layers", [{"layer": "background"}, {"layer": "rover", "blend": "screen"}], set()),
    ("composite.layers", [{"layer": "background"}, {"layer": "rover", "position": [4, 4]}], set()),
    ("composite.layers", None, set()),
    ("composite.finish.brightness", 1.1, set()),
    ("composite.finish.contrast", 1.0, set()),
    ("composite.finish.color", 1.1, set()),
    ("composite.finish.sharpness", 1.1, set()),
    ("refine", {"prompt": "a desert", "steps": 5}, {"refined"}),
    # These change nothing but what is made of the final picture, where that is asked for.
    ("upscale.method", "network", set()),
    ("upscale.network", "network.safetensors", set()),
    ("upscale.model.id", "{other}", set()),
    ("upscale.model.revision", "main", set()),
    ("upscale.model.variant", "fp16", set()),
    ("upscale.model.dtype", "float32", set()),
    ("upscale.tile", 128, set()),
    ("upscale.overlap", 16, set()),
    ("upscale.prompt", "a desert, sharp", set()),
    ("upscale.negative_prompt", "blur", set()),
    ("upscale.seed", 1, set()),
    ("upscale.steps", 20, set()),
    ("upscale.guidance_scale", 4.0, set()),
    ("upscale.noise_level", 30, set()),
    # A value that another key of the same pass already has, and a falsy one.
    ("background.steps", 77, BACKGROUND),
    ("background.negative_prompt", "a desert", BACKGROUND),
    ("effects.fog.seed", 0, FOG),
]


@pytest.fixture(scope="module")
def bench(finished, tmp_path_factory) -> WorkingFolder:
    """A copy of the built scene for edits that nothing is built after, and a file that may be named as an adapter."""
    bench = finished.copy(tmp_path_factory.mktemp("bench") / "scene")
    (bench.folder / "a.safetensors").write_bytes(EMPTY_ADAPTER)
    (bench.folder / "encoder").mkdir()
    (bench.folder / "encoder/config.json").write_text("{}")
    shutil.copyfile(bench.folder / "results/background.png", bench.folder / "style.png")
    return bench


@pytest.fixture
def scene(bench) -> WorkingFolder:
    """The bench with its config as it was."""
    config = bench.config
    yield bench
    bench.write(config)


def find_planned(scene: WorkingFolder, file: str = "final.png") -> set[str]:
    """The layers that a build would make, as `strata plan` tells."""
    with contextlib.chdir(scene.folder):
        plan = Planner(Layers(Scenes(scene.config)), Comparison(flags=False), None).plan([file])
    return {step.layer.removeprefix("results/").removesuffix(".png") for step in plan.to_do}


@pytest.mark.parametrize(("key", "value", "again"), EDITS, ids=[f"{key}={value}" for key, value, _ in EDITS])
def test_an_edit_costs_the_passes_that_depend_on_it(scene, models, key, value, again):
    if value in ("{other}", {"id": "{other}"}):
        model = "text-to-image" if key == "models.text_to_image.id" else "inpainting"
        other = shutil.copytree(models / model, scene.folder / f"other-{model}", dirs_exist_ok=True)
        (other / "extra.txt").write_text("another model")
        value = str(other) if isinstance(value, str) else {"id": str(other)}
    scene.edit(key, value)
    drawn = {f"masks/{key.split('.')[1]}"} if ".mask." in key else set()
    again = again | drawn
    planned = scene.planned()
    assert planned == again | ALWAYS
    assert planned == find_planned(scene)


def read_pixels(path: Path) -> bytes:
    from PIL import Image

    with Image.open(path) as image:
        return image.tobytes()


def test_what_is_made_of_the_final_picture_follows_it_and_its_own_keys(built):
    larger = "results/final@2x.png"
    assert built.planned(larger) == {"final@2x"}
    built.build(larger)
    assert built.planned(larger) == set()
    assert built.planned("results/final@4x.png") == {"final@4x"}
    built.edit("upscale.seed", 1)  # which has no meaning for Lanczos
    assert built.planned(larger) == {"final@2x"} | ALWAYS
    before = read_pixels(built.folder / larger)
    built.build(larger)
    assert read_pixels(built.folder / larger) == before  # the scene that it carries is another one
    built.edit("composite.finish.contrast", 1.0)
    assert built.planned(larger) == {"final@2x"} | ALWAYS


def test_a_mask_from_an_image_depends_on_the_file(built):
    from PIL import Image

    picture = Image.new("L", (96, 64))
    picture.paste(255, (10, 10, 40, 50))
    picture.save(built.folder / "mask.png")
    built.edit("subjects.rover.mask", {"image": "mask.png"})
    assert built.planned() == {"masks/rover", "subjects/rover"} | ALWAYS
    built.build("results/masks/rover.png")
    assert "masks/rover" not in built.planned()
    picture.paste(255, (10, 10, 60, 50))
    picture.save(built.folder / "mask.png")
    assert {"masks/rover", "subjects/rover"} <= built.planned()


def test_an_effect_from_an_image_depends_on_the_file_and_takes_no_device(built):
    from PIL import Image

    Image.new("RGB", (50, 20), (90, 90, 90)).save(built.folder / "fog.png")
    built.edit("effects.fog", {"image": "fog.png"})
    assert built.planned() == FOG | ALWAYS
    # Without a device nothing could be painted.
    said = built.build("results/final.png", "--resources", "gpu=0")
    assert "results/final.png: nothing painted" in said
    assert built.planned() == set()
    # Keys of painting mean nothing here.
    built.edit("effects.fog.seed", 3)
    assert built.planned() == ALWAYS
    Image.new("RGB", (50, 20), (120, 90, 90)).save(built.folder / "fog.png")
    assert built.planned() >= FOG
    built.build()
    with Image.open(built.folder / "results/effects/fog.png") as layer:
        assert (layer.mode, layer.size, layer.getpixel((48, 32))) == ("RGB", (96, 64), (120, 90, 90))


def test_a_background_from_an_image_depends_on_the_file(built):
    from PIL import Image

    picture = Image.linear_gradient("L").convert("RGB")
    picture.save(built.folder / "desert.png")
    built.edit("background", {"image": "./desert.png"})
    assert built.planned() == BACKGROUND | ALWAYS
    # Without a device nothing could be painted.
    assert "nothing painted" in built.build("results/background.png", "--resources", "gpu=0")
    assert built.planned() == SUBJECTS | ALWAYS
    # Keys of painting mean nothing here.
    built.edit("background.seed", 3)
    assert built.planned("results/background.png") == set()
    built.edit("background.fit", "stretch")
    assert built.planned() == BACKGROUND | ALWAYS
    built.edit("background.prompt", "a desert")
    built.edit("background.strength", 0.5)
    built.edit("background.steps", 4)
    assert "background painted" in built.build("results/background.png")
    assert built.planned("results/background.png") == set()
    built.edit("background.strength", 0.75)
    assert built.planned("results/background.png") == {"background"}
    built.edit("background.strength", 0.5)
    picture.rotate(180).save(built.folder / "desert.png")
    assert built.planned("results/background.png") == {"background"}
    picture.save(built.folder / "desert.png")
    assert built.planned("results/background.png") == set()


NAMED_EDITS = [
    ("revision", "main"),
    ("variant", "fp16"),
    ("dtype", "float32"),
    ("scheduler", "EulerDiscreteScheduler"),
    ("loras", [{"file": "a.safetensors", "weight": 0.5}]),
    ("steps", 4),
    ("guidance_scale", 7.0),
    ("strength_limit", 0.5),
    ("speed", {"weights": "float8"}),
]


def test_a_model_by_name_costs_the_passes_that_name_it(scene, models):
    before, config = scene.config, scene.config
    own = config["models"]["own"] = {"id": str(models / "inpainting")}
    config["subjects"]["rover"]["model"] = "own"
    scene.write(config)
    assert scene.planned() == ALWAYS  # the same model by another name
    for key, value in NAMED_EDITS:
        config["models"]["own"] = own | {key: value}
        scene.write(config)
        assert scene.planned() == ROVER | ALWAYS, key
    for place, again in (("background", BACKGROUND), ("effects.fog", FOG)):
        scene.write(before)
        scene.edit("models.own", {"id": str(models / "text-to-image"), "dtype": "float32"})
        scene.edit(f"{place}.model", "own")
        assert scene.planned() == again | ALWAYS, place
    other = shutil.copytree(models / "inpainting", scene.folder / "named", dirs_exist_ok=True)
    (other / "extra.txt").write_text("another model")
    config["models"]["own"] = {"id": str(other)}
    scene.write(config)
    assert scene.planned() == ROVER | ALWAYS


def test_what_follows_the_distance_depends_on_the_depth_picture(built):
    from PIL import Image

    picture = Image.linear_gradient("L")
    picture.save(built.folder / "depth.png")
    built.edit("depth", {"image": "depth.png", "near": "white"})
    assert built.planned() == ALWAYS  # the effective scene is on record
    layers = built.config["composite"]["layers"]
    built.edit("composite.layers", [*layers[:3], layers[3] | {"depth": {"start": 0.2, "end": 0.9}}])
    assert built.planned() == ALWAYS
    assert "nothing painted" in built.build("results/final.png", "--resources", "gpu=0")
    assert built.planned() == set()
    for key, value in (("depth.near", "black"), ("depth.fit", "stretch")):
        before = built.config
        built.edit(key, value)
        assert built.planned() == ALWAYS
        built.write(before)
    picture.rotate(180).save(built.folder / "depth.png")
    assert built.planned() == {"final"}
    built.edit("composite.depth_of_field", {"focus": 0.1, "blur": 3})
    built.build("results/final.png", "--resources", "gpu=0")
    for key, value in (("focus", 0.2), ("range", 0.1), ("blur", 4)):
        before = built.config
        built.edit(f"composite.depth_of_field.{key}", value)
        assert built.planned() == ALWAYS
        built.write(before)
    built.edit("refine", {"prompt": "a desert", "steps": 5})
    built.build()
    assert built.planned() == set()
    picture.save(built.folder / "depth.png")
    assert built.planned() == {"refined", "final"}


def test_what_follows_an_estimate_depends_on_the_layers_that_it_is_of(built, vision_models):
    built.edit("models.depth", {"id": str(vision_models / "depth_anything")})
    built.edit("depth", {"of": "background"})
    assert built.planned() == ALWAYS  # nothing follows it
    assert built.planned("results/depth/background.png") == {"depth/background"}
    layers = built.config["composite"]["layers"]
    built.edit("composite.layers", [*layers[:3], layers[3] | {"depth": {"start": 0.2, "end": 0.9}}])
    assert built.planned() == {"depth/background"} | ALWAYS
    assert built.planned() == find_planned(built)
    assert "depth/background looked at" in built.build()
    assert built.planned() == set()
    built.edit("subjects.astronaut.seed", 1)
    assert built.planned() == SUBJECTS | ALWAYS
    built.edit("subjects.astronaut.seed", 42)
    built.edit("background.seed", 1)
    assert built.planned() == BACKGROUND | {"depth/background"} | ALWAYS
    built.edit("background.seed", 77)
    built.edit("models.own", {"id": str(vision_models / "depth_anything"), "dtype": "bfloat16"})
    built.edit("depth.model", "own")
    assert built.planned() == {"depth/background"} | ALWAYS
    built.edit("depth.model", None)
    built.edit("depth.of", "rover")
    assert built.planned() == {"depth/rover"} | ALWAYS
    assert built.planned("results/final.psd") == {"depth/rover", "final"} | ALWAYS
    built.edit("refine", {"prompt": "a desert", "steps": 5})
    assert built.planned() == {"depth/rover", "refined"} | ALWAYS
    variation = built.planned("results/background.seed~1/final.png")
    assert "background.seed~1/depth/rover" in variation
    assert "depth/rover" in built.planned("results/refine.seed~1/final.png")


REFINE_EDITS = [
    ("prompt", "a sea"),
    ("negative_prompt", "animals"),
    ("seed", 1),
    ("steps", 6),
    ("guidance_scale", 7.0),
    ("prompt_2", "a robot"),
    ("clip_skip", 1),
    ("scheduler", "EulerDiscreteScheduler"),
    ("loras", [{"file": "a.safetensors", "weight": 0.5}]),
    ("style", {"image": "style.png", "weight": 0.5}),
    ("model", "own"),
    ("strength", 0.4),
    ("mask", {"ring": 4, "feather": 2}),
]


def test_a_refined_picture_follows_its_layers_and_its_own_keys(built):
    (built.folder / "a.safetensors").write_bytes(EMPTY_ADAPTER)
    (built.folder / "encoder").mkdir()
    (built.folder / "encoder/config.json").write_text("{}")
    shutil.copyfile(built.folder / "results/background.png", built.folder / "style.png")
    refine = {"prompt": "a desert", "steps": 5}
    built.edit("models.text_to_image.style_adapter", {"file": "a.safetensors", "image_encoder": "encoder"})
    built.edit("models.own", built.config["models"]["text_to_image"] | {"dtype": "float32"})
    built.edit("refine", refine)
    assert "refined painted" in built.build()
    assert built.planned() == set()
    for key, value in REFINE_EDITS:
        built.edit("refine", refine | {key: value})
        assert built.planned() == {"refined"} | ALWAYS, key
    built.edit("refine", refine)
    built.edit("composite.finish.contrast", 1.0)
    assert built.planned() == ALWAYS
    built.edit("composite.layers", [{"layer": "background"}, {"layer": "rover", "opacity": 0.5}])
    assert built.planned() == {"refined"} | ALWAYS
    built.edit("subjects.rover.seed", 1)
    assert built.planned() == {"refined", *ROVER} | ALWAYS
    built.edit("refine", None)
    assert built.planned() == ROVER | ALWAYS


def test_a_mask_of_a_layer_depends_on_that_layer(built):
    """Also where the pass does not see the layer itself."""
    shadow = {"layer": "astronaut", "offset": [40, 0], "feather": 2}
    built.edit("subjects.rover.mask", shadow)
    built.edit("subjects.rover.context", 4)
    assert built.planned() == {"masks/rover", *ROVER} | ALWAYS
    built.build()
    assert built.planned() == set()
    for key, value in (("offset", [44, 0]), ("flip", "vertical")):
        built.edit("subjects.rover.mask", shadow | {key: value})
        assert built.planned() == {"masks/rover", *ROVER} | ALWAYS
    built.edit("subjects.rover.mask", shadow)
    built.edit("subjects.astronaut.seed", 1)
    assert built.planned() == {"masks/rover", *SUBJECTS} | ALWAYS
    built.edit("subjects.astronaut.seed", 42)
    built.edit("subjects.astronaut.mask.feather", 1)
    assert built.planned() == MASKS | SUBJECTS | ALWAYS


FOUND = {"found/rover", "masks/rover", *ROVER}

TEXT_EDITS = [("text", "a bush"), ("threshold", 0.55), ("choose", "all"), ("edge", "box_to_mask")]


def test_a_mask_by_words_depends_on_the_layers_that_it_is_found_in(built, vision_models):
    mask = {"text": "a rock", "threshold": 0.6, "grow": 8, "feather": 1}
    built.edit("models.text_to_mask", {"id": str(vision_models / "clipseg")})
    built.edit("models.box_to_mask", {"id": str(vision_models / "sam2")})
    assert built.planned() == ALWAYS  # no mask is found by them
    built.edit("subjects.rover.mask", mask)
    assert built.planned() == FOUND | ALWAYS
    assert built.planned() == find_planned(built)
    assert "found/rover looked at; rover painted" in built.build()
    assert built.planned() == set()
    for key, value in TEXT_EDITS:
        built.edit("subjects.rover.mask", mask | {key: value})
        assert built.planned() == FOUND | ALWAYS, key
    built.edit("subjects.rover.mask", mask | {"feather": 2})
    assert built.planned() == {"masks/rover", *ROVER} | ALWAYS  # nothing is looked for again
    built.edit("subjects.rover.mask", mask)
    built.edit("subjects.astronaut.seed", 1)
    assert built.planned() == SUBJECTS | ALWAYS
    built.edit("subjects.astronaut.seed", 42)
    built.edit("background.seed", 1)
    assert built.planned() == BACKGROUND | FOUND | ALWAYS
    built.edit("background.seed", 77)
    built.edit("subjects.rover.mask.of", "astronaut")
    assert built.planned() == FOUND | ALWAYS
    built.build()
    built.edit("subjects.astronaut.seed", 1)
    assert built.planned() == SUBJECTS | FOUND | ALWAYS
    built.edit("subjects.astronaut.seed", 42)
    own = {"id": str(vision_models / "owlv2")}
    built.edit("models.detector", own)
    built.edit("subjects.rover.mask.model", "detector")
    assert built.planned() == FOUND | ALWAYS


CHECK_EDITS = [("text", "wheels"), ("threshold", 0.2), ("model", "own")]


def test_a_check_depends_on_what_it_looks_at_and_a_retry_is_a_part_of_the_pass(built, vision_models):
    verdict, looked = "results/checks/rover.json", {"checks/rover"}
    for name in ("text_to_mask", "own"):
        built.edit(f"models.{name}", {"id": str(vision_models / "clipseg")})
    built.edit("models.own.dtype", "bfloat16")
    built.edit("subjects.rover.check", {"threshold": 0.1})
    assert built.planned() == ALWAYS  # the effective scene is on record
    assert built.planned(verdict) == looked
    assert built.planned("all") == looked | ALWAYS
    assert "checks/rover looked at" in built.build(verdict)
    said = json.loads((built.folder / verdict).read_text())
    assert said | {"score": None} == {
        "subject": "rover",
        "text": "a rover",
        "score": None,
        "threshold": 0.1,
        "passed": True,
        "seed": 99,
        "tried": [],
    }
    assert 0.1 < said["score"] < 1
    assert built.planned(verdict) == find_planned(built, "checks/rover.json") == set()
    for key, value in CHECK_EDITS:
        before = built.config
        built.edit(f"subjects.rover.check.{key}", value)
        assert built.planned(verdict) == looked, key
        built.write(before)
    built.edit("subjects.rover.seed", 1)
    assert built.planned(verdict) == find_planned(built, "checks/rover.json") == looked | ROVER
    built.edit("subjects.rover.seed", 99)
    built.edit("subjects.rover.mask.feather", 1)
    assert built.planned(verdict) == looked | ROVER | {"masks/rover"}
    built.edit("subjects.rover.mask.feather", 2)
    built.edit("subjects.rover.check", {"threshold": 1.0, "retries": 2})
    assert built.planned(verdict) == looked | ROVER
    assert built.planned() == ROVER | ALWAYS
    assert built.planned() == find_planned(built)
    assert "none of 3 seeds shows 'a rover' with the score 1: the best is kept" in built.build(verdict)
    said = json.loads((built.folder / verdict).read_text())
    assert sorted(each["seed"] for each in said["tried"]) == [99, 100, 101]
    assert said["tried"][-1] == {"seed": said["seed"], "score": said["score"]}
    assert max(each["score"] for each in said["tried"]) == said["score"]
    assert not said["passed"]
    assert built.planned(verdict) == set()


@pytest.mark.parametrize("name", ["text_to_mask", "box_to_mask", "depth"])
def test_a_model_that_looks_costs_what_it_has_found(scene, vision_models, name):
    folders = {"text_to_mask": vision_models / "clipseg", "box_to_mask": vision_models / "sam2"}
    folders["depth"] = vision_models / "depth_anything"
    for model, folder in folders.items():
        scene.edit(f"models.{model}", {"id": str(folder)})
    scene.edit("subjects.rover.mask", {"text": "a rock", "edge": "box_to_mask"})
    scene.edit("depth", {"of": "background"})

    def look() -> dict:
        with contextlib.chdir(scene.folder):
            rules = SceneRules(scene.config, Comparison())
            named = SimpleNamespace(scene="", subject="rover", layer="background")
            return rules.spec("depth" if name == "depth" else "find")(named)

    before = look()
    for key, value in (("revision", "main"), ("variant", "fp16"), ("dtype", "bfloat16")):
        scene.edit(f"models.{name}.{key}", value)
        assert look() != before, key
        before = look()
    for key, value in (("steps", 3), ("guidance_scale", 2.0), ("scheduler", "EulerDiscreteScheduler")):
        scene.edit(f"models.{name}.{key}", value)
        with (
            contextlib.chdir(scene.folder),
            pytest.raises(StrataError, match=f"models.{name}.{key} says how a model paints"),
        ):
            Scenes(scene.config)
        scene.edit(f"models.{name}.{key}", None)


def test_a_subject_from_an_image_depends_on_the_file(built):
    from PIL import Image

    picture = Image.linear_gradient("L").resize((20, 20)).convert("RGBA")
    picture.save(built.folder / "robot.png")
    robot = {"image": "robot.png"}
    built.edit("subjects.astronaut", robot)
    assert built.planned() == SUBJECTS | ALWAYS  # the rover sees it
    target = "results/subjects/astronaut.png"
    assert "nothing painted" in built.build(target, "--resources", "gpu=0")
    assert built.planned(target) == set()
    for placement in ({"position": [4, 4]}, {"scale": 2}, {"bbox": [0, 0, 30, 40]}):
        built.edit("subjects.astronaut", robot | placement)
        assert built.planned() == SUBJECTS | ALWAYS
    built.edit("subjects.astronaut.fit", "stretch")
    built.build(target)
    # Keys of painting mean nothing here.
    built.edit("subjects.astronaut.seed", 3)
    assert built.planned(target) == set()
    built.edit("subjects.astronaut.mask", {"shapes": [{"shape": "rectangle", "bbox": [0, 0, 20, 40]}]})
    assert built.planned(target) == {"masks/astronaut", "subjects/astronaut"}
    built.build(target)
    picture.rotate(90).save(built.folder / "robot.png")
    assert built.planned(target) == {"subjects/astronaut"}


def test_an_adapter_counts_by_its_content(scene):
    file = scene.folder / "a.safetensors"
    scene.edit("effects.fog.loras", [{"file": "a.safetensors"}])

    def read() -> list[dict]:  # as each build does
        return SceneRules(scene.config, Comparison()).spec("effect")(SimpleNamespace(scene="", effect="fog"))["loras"]

    with contextlib.chdir(scene.folder):
        planned = read()
        os.utime(file)
        assert read() == planned
        file.write_bytes(EMPTY_ADAPTER + b" ")
        assert read() != planned
    file.write_bytes(EMPTY_ADAPTER)


@pytest.mark.parametrize(
    ("task", "place", "again"),
    [
        ("text_to_image", "background", BACKGROUND),
        ("text_to_image", "effects.fog", FOG),
        ("inpainting", "subjects.astronaut", ASTRONAUT),
    ],
)
def test_a_style_costs_the_pass_that_has_it(scene, task, place, again):
    scene.edit(f"models.{task}.style_adapter", {"file": "a.safetensors", "image_encoder": "encoder"})
    assert scene.planned() == ALWAYS  # nobody asks for it yet, but the picture says it
    scene.edit(f"{place}.style", {"image": "style.png", "weight": 0.5})
    assert scene.planned() == again | ALWAYS


@pytest.mark.parametrize(("key", "value"), [("exports", ["psd", "view"]), ("compare", ["fog.opacity~0.5"])])
def test_what_decides_exports_alone_costs_nothing(scene, key, value):
    """They are made of the picture, and it says nothing about them."""
    scene.edit(key, value)
    assert scene.planned() == set()


@pytest.mark.parametrize("changed", ["weight", "a.safetensors", "encoder/config.json"])
def test_all_of_a_style_counts(scene, changed):
    config = scene.config
    config["models"]["text_to_image"]["style_adapter"] = {"file": "a.safetensors", "image_encoder": "encoder"}
    config["effects"]["fog"]["style"] = {"image": "style.png"}
    asked = SimpleNamespace(scene="", effect="fog")
    path = scene.folder / changed
    before = None if changed == "weight" else path.read_bytes()
    with contextlib.chdir(scene.folder):
        planned = SceneRules(config, Comparison()).spec("effect")(asked)["style"]
        if before is None:
            config["effects"]["fog"]["style"]["weight"] = 0.5
        else:
            path.write_bytes(before + b" ")
        found = SceneRules(config, Comparison()).spec("effect")(asked)["style"]
    if before is not None:
        path.write_bytes(before)
    assert found != planned


def leaves(schema: dict, path: str = "") -> set[str]:
    """The keys that hold a value, with `*` for a name and for an entry of a list left out."""
    document = Schema("scene")
    schema = document._resolve(schema)
    found = set()
    for key, value in schema.get("properties", {}).items():
        found |= leaves(value, f"{path}.{key}" if path else key) or {f"{path}.{key}" if path else key}
    if isinstance(schema.get("additionalProperties"), dict):
        found |= leaves(schema["additionalProperties"], f"{path}.*")
    if "items" in schema:
        found |= leaves(schema["items"], path)
    for branch in schema.get("allOf", ()):
        found |= leaves(branch.get("then", {}), path)
    return found


def test_every_key_of_the_schema_has_its_row():
    rows = set()
    for key, value, _ in EDITS:
        parts = key.split(".")
        if parts[0] in ("subjects", "effects"):
            parts[1] = "*"
        rows.add(".".join(parts))
        entries = value if isinstance(value, list) else []
        rows |= {f"{'.'.join(parts)}.{inner}" for entry in entries for inner in entry}
    rows |= {"subjects.*.mask.image", "effects.*.image"}  # the two tests of what an image gives
    rows |= {"exports", "compare"}  # test_what_decides_exports_alone_costs_nothing
    rows |= {"background.image", "background.strength"}  # test_a_background_from_an_image_depends_on_the_file
    rows |= {f"refine.{key}" for key, _ in REFINE_EDITS}  # test_a_refined_picture_follows_...
    rows |= {
        "refine.mask.ring",
        "refine.mask.feather",
        "refine.style.image",
        "refine.style.layer",
        "refine.style.weight",
    }
    rows |= {"refine.loras.file", "refine.loras.weight"}
    rows |= {f"models.*.{key}" for key, _ in NAMED_EDITS}  # test_a_model_by_name_costs_the_passes_that_name_it
    rows |= {"background.model", "effects.*.model"}
    rows |= {"models.*.id", "models.*.loras.file", "models.*.loras.weight"}
    rows |= {f"models.*.style_adapter.{key}" for key in ("file", "image_encoder")}  # as those of the two
    # test_what_follows_the_distance_depends_on_the_depth_picture
    rows |= {f"depth.{key}" for key in ("image", "near", "fit")}
    rows |= {"depth.of", "depth.model"}  # test_what_follows_an_estimate_depends_on_the_layers_that_it_is_of
    rows |= {f"composite.depth_of_field.{key}" for key in ("focus", "range", "blur")}
    rows |= {f"composite.layers.depth.{key}" for key in ("start", "end")}
    # test_a_mask_of_a_layer_depends_on_that_layer
    rows |= {f"subjects.*.mask.{key}" for key in ("layer", "offset", "flip")}
    # test_a_mask_by_words_depends_on_the_layers_that_it_is_found_in
    rows |= {f"subjects.*.mask.{key}" for key in ("of", "model", *(key for key, _ in TEXT_EDITS))}
    # test_a_check_depends_on_what_it_looks_at_and_a_retry_is_a_part_of_the_pass
    rows |= {f"subjects.*.check.{key}" for key in ("retries", *(key for key, _ in CHECK_EDITS))}
    # tests/workflow/test_cached_steps.py
    for model in ("text_to_image", "inpainting", "*"):
        rows |= {f"models.{model}.speed.cache.{key}" for key in ("kind", "threshold", "interval")}
    rows |= {f"models.*.speed.{key}" for key in ("compile", "weights")}  # as those of the two
    for task in ("text_to_mask", "box_to_mask", "depth"):  # test_a_model_that_looks_costs_what_it_has_found
        rows |= {key.replace("*", task) for key in rows if key.startswith("models.*.")}
        rows |= {f"models.{task}.style_adapter.{key}" for key in ("file", "image_encoder")}
    # test_a_subject_from_an_image_depends_on_the_file
    rows |= {f"subjects.*.{key}" for key in ("image", "position", "scale", "bbox")}
    for place in ("background", "subjects.*", "effects.*"):  # test_a_style_costs_the_pass_that_has_it
        rows |= {f"{place}.style.image", f"{place}.style.weight"}
        rows.add(f"{place}.style.layer")  # tests/workflow/test_guides.py
    for task in ("text_to_image", "inpainting"):
        rows |= {f"models.{task}.style_adapter.file", f"models.{task}.style_adapter.image_encoder"}
    # tests/workflow/test_guides.py
    for place in ("background", "subjects.*", "effects.*", "refine"):
        rows |= {f"{place}.reference.{key}" for key in ("image", "layer", "weight")}
        keys = ("model", "kind", "image", "of", "fit", "scale", "mode", "thresholds")
        rows |= {f"{place}.control.{key}" for key in keys}
    assert leaves(Schema("scene").document) - rows == set()


def test_a_finished_scene_needs_nothing(scene):
    assert scene.planned() == set()


def test_swapped_prompts_are_seen(scene):
    background = scene.config["background"]
    scene.edit("background", background | {"prompt": "people", "negative_prompt": "a desert"})
    assert scene.planned() == BACKGROUND | ALWAYS


def test_swapped_width_and_height_are_seen(scene):
    scene.edit("subjects.rover", None)  # it would lie off the canvas
    scene.edit("composite.layers", [{"layer": "background"}, {"layer": "astronaut"}, {"layer": "fog"}])
    scene.edit("canvas", {"width": 64, "height": 96})
    assert scene.planned() == {"background", "subjects/astronaut", "effects/fog", "masks/astronaut"} | ALWAYS


def test_two_edits_at_once_are_both_seen(scene):
    """A mask and the background's prompt: a job that waits for another one must still notice its own edit."""
    scene.edit("subjects.astronaut.mask.feather", 3)
    scene.edit("background.prompt", "a sea")
    assert scene.planned() == BACKGROUND | {"masks/astronaut"} | ALWAYS


def test_the_order_of_subjects_is_the_order_of_painting(scene):
    scene.edit("subjects", dict(reversed(scene.config["subjects"].items())))
    assert scene.planned() == SUBJECTS | ALWAYS


def test_a_new_subject_costs_itself(scene):
    scene.edit("subjects.robot", scene.config["subjects"]["rover"] | {"prompt": "a robot"})
    assert scene.planned() == ALWAYS  # it is in no composite yet, but the picture says it
    scene.edit("composite.layers", [{"layer": "background"}, {"layer": "robot"}])
    assert scene.planned() == {"masks/robot", "subjects/robot"} | ALWAYS


def test_subjects_out_of_sight_do_not_paint_each_other_again(built):
    for subject in ("astronaut", "rover"):
        built.edit(f"subjects.{subject}.mask.feather", 1)
    built.edit("subjects.rover.context", 4)
    built.build()
    built.edit("subjects.astronaut.seed", 1)
    assert built.planned() == {"subjects/astronaut"} | ALWAYS


def test_what_means_the_same_costs_nothing(scene):
    """Comments, quotes, the order of keys that have none, 8.0 for 8, defaults written out, how jobs run."""
    path = scene.folder / "config.yaml"
    before = path.read_text()
    config = scene.config
    config["background"] = dict(reversed(config["background"].items())) | {"guidance_scale": 8.0}
    config["subjects"]["astronaut"]["context"] = "canvas"
    config["composite"]["finish"]["brightness"] = 1
    config["runtime"] = {"threads": 2, "store": {"limit_gb": 1}}
    try:
        reordered = yaml.safe_dump(dict(reversed(config.items())), sort_keys=False)
        quoted = reordered.replace("a desert", '"a desert"')
        assert quoted != reordered
        path.write_text(f"# A comment.\n{quoted}# Another.\n")
        assert scene.planned() == set()
    finally:
        path.write_text(before)


def test_a_fresh_clone_and_a_touched_config_cost_nothing(built, tmp_path):
    built.workflow = clone(tmp_path / "clone")
    for path in [built.folder / "config.yaml", *built.workflow.rglob("*")]:
        os.utime(path)
    assert built.planned() == set()


@pytest.mark.parametrize(
    ("module", "again"),
    [
        ("imaging/masks", MASKS | SUBJECTS | {"final"}),
        ("imaging/windows", SUBJECTS | {"final"}),
        ("imaging/color_match", SUBJECTS | {"final"}),
        ("imaging/healing", SUBJECTS | {"final"}),
        ("imaging/compositing", SUBJECTS | {"final"}),
        ("diffusion/inference", PAINTED | {"final"}),
        ("diffusion/pipelines", PAINTED | {"final"}),
        ("diffusion/lora", PAINTED | {"final"}),
        ("diffusion/ip_adapter", PAINTED | {"final"}),
        ("diffusion/devices", PAINTED | {"final"}),
        ("imaging/pictures", MASKS | PAINTED - {"background"} | {"final"}),
        ("imaging/effects", FOG | {"final"}),
        ("imaging/tiles", set()),
        ("scene/scenes", set()),
        ("imaging/png", MASKS | SUBJECTS | {"final"}),
        ("models/hub", set()),
        ("painting/store", set()),
        ("workflow/build", set()),
    ],
)
def test_code_counts_where_it_decides_pixels(built, tmp_path, module, again):
    built.workflow = clone(tmp_path / "clone")
    source = built.workflow / f"scripts/strata/{module}.py"
    source.write_text(f"{source.read_text()}\n# A comment decides nothing.\n")
    assert built.planned() == set()
    source.write_text(f"{source.read_text()}\nSOMETHING_NEW = 1\n")
    assert built.planned() == again


def test_a_retouched_layer_is_kept_and_what_lies_on_it_is_painted_again(built):
    from PIL import Image

    path = built.folder / "results/background.png"
    with Image.open(path) as image:
        retouched = image.convert("RGB")
    retouched.paste((255, 0, 0), (0, 0, 20, 20))
    retouched.save(path)
    kept = path.read_bytes()
    assert built.planned() == SUBJECTS | {"final"}
    built.build()
    assert path.read_bytes() == kept
    assert built.planned() == set()
    # What it is made from has changed: it is painted, and what the person made of it is not lost.
    built.edit("background.seed", 5)
    assert "The retouched layer is kept as .strata/retouched/results/background.png" in built.build()
    assert path.read_bytes() != kept
    assert (built.folder / ".strata/retouched/results/background.png").read_bytes() == kept


def test_an_edit_taken_back_paints_nothing(built):
    before = built.bytes()
    prompt = built.config["background"]["prompt"]
    built.edit("background.prompt", "a sea")
    assert "painted" in built.build()
    assert built.bytes() != before
    built.edit("background.prompt", prompt)
    said = built.build()
    assert "painted" not in said
    assert "background, astronaut, rover from the store" in said
    assert built.bytes() == before


def test_a_variation_paints_what_it_changes(built):
    """The rest are the layers of the scene, which stay as they are."""
    folder = "fog.seed~7,rover.prompt~a robot"
    before = built.bytes()
    built.build(f"results/{folder}/final.png")
    assert built.bytes().keys() - before.keys() == {
        f"{folder}/final.png",
        "fog.seed~7/effects/fog.png",
        "rover.prompt~a robot/subjects/rover.png",
    }
    assert {name: content for name, content in built.bytes().items() if name in before} == before
    assert built.planned() == set()


def test_a_sweep_builds_each_layer_once(built):
    """Four seeds by three opacities are four backgrounds with their subjects, twelve pictures, and the fog that is there."""
    built.edit("sweeps", {"moods": {"keys": {"background.seed": [1, 2, 3, 4], "fog.opacity": [0.2, 0.5, 0.9]}}})
    planned = built.planned("results/sweeps/moods.png")
    seeds = range(1, 5)
    layers = {f"background.seed~{seed}/{layer}" for seed in seeds for layer in ("background", *SUBJECTS)}
    pictures = {f"background.seed~{seed},fog.opacity~{opacity}/final" for seed in seeds for opacity in (0.2, 0.5, 0.9)}
    assert planned == layers | pictures | {"sweeps/moods"}


def test_a_layer_is_asked_for_where_it_lives(built):
    done = built.snakemake("results/background.seed~1,fog.opacity~0.6/background.png")
    assert done.returncode == 1
    assert (
        "results/background.seed~1,fog.opacity~0.6/background.png would be the same as "
        "results/background.seed~1/background.png, where that layer lives" in done.stdout
    )
    assert "Traceback" not in done.stdout
