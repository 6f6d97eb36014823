"""What a pass adds to its model: it counts for this pass, and leaves nothing behind for the next."""

import shutil

import numpy as np
import pytest
from PIL import Image

from helpers import tiny_adapters
from helpers.in_process import describe_scene
from helpers.tiny_families import FAMILIES
from strata.errors import StrataError
from strata.scene.scene import Scene


@pytest.fixture
def scene(models_of):
    """The tiny scene of a family."""
    return lambda name: describe_scene(models_of(name))


def lora(config: dict, task: str, file, **more):
    return tiny_adapters.lora(config["models"][task]["id"], file, **more)


def differing(one: dict, other: dict) -> set[str]:
    return {name for name in one if one[name].tobytes() != other[name].tobytes()}


def distance(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures' values, of 255."""
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


@pytest.mark.parametrize("name", FAMILIES)
def test_an_adapter_acts_on_its_pass_and_leaves_nothing_behind(name, scene, builder, tmp_path):
    config, adapted = scene(name), scene(name)
    adapted["effects"]["fog"]["loras"] = [{"file": str(lora(config, "text_to_image", tmp_path / "a.safetensors"))}]
    adapted["subjects"]["rover"]["loras"] = [{"file": str(lora(config, "inpainting", tmp_path / "b.safetensors"))}]
    before, _ = builder.build(config)
    with_adapters, _ = builder.build(adapted)
    assert differing(before, with_adapters) == {"fog", "rover", "final"}
    after, _ = builder.build(config)
    assert differing(before, after) == set()


def test_a_model_s_adapters_are_those_of_all_its_passes(scene, builder, tmp_path):
    config = scene("sd15")
    plain, _ = builder.build(config)
    file = str(lora(config, "text_to_image", tmp_path / "a.safetensors"))
    config["models"]["text_to_image"]["loras"] = [{"file": file}]
    styled, _ = builder.build(config)
    assert {"background", "fog"} <= differing(plain, styled)
    config["models"]["text_to_image"]["loras"] = []
    config["background"]["loras"] = config["effects"]["fog"]["loras"] = [{"file": file}]
    again, _ = builder.build(config)
    assert differing(styled, again) == set()


def test_weights_of_adapters_count(scene, builder, tmp_path):
    config = scene("sd15")
    file = str(lora(config, "text_to_image", tmp_path / "a.safetensors"))
    other = str(lora(config, "text_to_image", tmp_path / "b.safetensors", seed=1))
    built = {}
    for key, loras in {
        "none": [],
        "nothing": [{"file": file, "weight": 0}],
        "half": [{"file": file, "weight": 0.5}],
        "whole": [{"file": file}],
        "both": [{"file": file}, {"file": other, "weight": 0.5}],
    }.items():
        config["background"]["loras"] = loras
        built[key] = builder.build(config)[0]["background"].tobytes()
    assert built["none"] == built["nothing"]
    assert len(set(built.values())) == 4


@pytest.mark.parametrize("form", ["diffusers", "older", "kohya"])
def test_an_adapter_of_the_text_encoder(form, scene, builder, tmp_path):
    """In the names of today, in those of before transformers 5.6, and in those of the trainer that most files come from."""
    config = scene("sd15")
    before, _ = builder.build(config)
    file = lora(config, "text_to_image", tmp_path / "a.safetensors", parts=("unet", "text_encoder"), form=form)
    config["background"]["loras"] = [{"file": str(file)}]
    assert "background" in differing(before, builder.build(config)[0])
    config["background"]["loras"] = []
    assert differing(before, builder.build(config)[0]) == set()


@pytest.mark.parametrize("other", ["flux-fill", "sdxl", "z-image"])
def test_an_adapter_of_another_family_is_a_sentence(other, scene, builder, tmp_path):
    config = scene("sd15")
    before, _ = builder.build(config)
    config["background"]["loras"] = [{"file": str(lora(scene(other), "text_to_image", tmp_path / "a.safetensors"))}]
    with pytest.raises(StrataError, match=r"a\.safetensors does not fit the model, a StableDiffusionPipeline: "):
        builder.build(config)
    config["background"]["loras"] = []
    assert differing(before, builder.build(config)[0]) == set()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"background.loras\[0\].file is 'a.safetensors', but there is no such file"),
        (b"\x80\x04pickled", "which is not a safetensors file, whatever its name says"),
        (b"", "which is not a safetensors file, whatever its name says"),
        (b"\x04\0\0\0\0\0\0\0none", "which is not a safetensors file, whatever its name says"),
    ],
)
def test_a_file_that_is_no_adapter_is_refused_before_a_model_is_loaded(content, said, scene, builder, tmp_path):
    config = scene("sd15")
    config["background"]["loras"] = [{"file": "a.safetensors"}]
    if content is not None:
        (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(StrataError, match=f"^config.yaml: {said}" if content is None else said):
        Scene(config, "config.yaml").background()


@pytest.mark.parametrize("form", ["diffusers", "kohya"])
def test_an_adapter_is_the_same_in_another_form(form, scene, builder, tmp_path):
    config = scene("sd15")
    file = lora(config, "text_to_image", tmp_path / "a.safetensors", form=form)
    config["background"]["loras"] = [{"file": str(file)}]
    picture = builder.build(config)[0]["background"]
    file = lora(config, "text_to_image", tmp_path / "b.safetensors")
    config["background"]["loras"] = [{"file": str(file)}]
    assert distance(picture, builder.build(config)[0]["background"]) == 0


def test_pickled_adapters_are_refused_by_their_name(scene, builder):
    config = scene("sd15")
    config["models"]["inpainting"]["loras"] = [{"file": "a.bin"}]
    with pytest.raises(
        StrataError, match=r"models\.inpainting\.loras\[0\]\.file is 'a\.bin', but must be text, of the"
    ):
        Scene(config, "config.yaml")


def test_an_adapter_that_is_replaced_while_a_build_runs_is_noticed(scene, builder, tmp_path, monkeypatch):
    from strata.models import adapter_files

    config = scene("sd15")
    file = lora(config, "text_to_image", tmp_path / "a.safetensors")
    config["background"]["loras"] = [{"file": str(file)}]
    planned = Scene(config, "config.yaml").background()["loras"]
    lora(config, "text_to_image", file, seed=1)
    assert Scene(config, "config.yaml").background()["loras"] != planned
    monkeypatch.setattr(adapter_files, "fingerprint", lambda *_: planned[0]["fingerprint"])
    with pytest.raises(StrataError, match="changed after the build began"):
        builder.build(config)


def test_a_sampler_for_one_pass(scene, builder):
    config = scene("sd15")
    config["composite"]["layers"][3] = {
        "layer": "fog"
    }  # as it is: thin and blurred, it would differ by less than a level
    before, _ = builder.build(config)
    config["effects"]["fog"]["scheduler"] = "EulerDiscreteScheduler"
    assert differing(before, builder.build(config)[0]) == {"fog", "final"}
    config["models"]["text_to_image"]["scheduler"] = "EulerDiscreteScheduler"
    assert "background" in differing(before, builder.build(config)[0])
    del config["effects"]["fog"]["scheduler"], config["models"]["text_to_image"]["scheduler"]
    assert differing(before, builder.build(config)[0]) == set()


@pytest.mark.parametrize("name", ["qwen-image", "sd35", "flux-fill"])
def test_a_solver_for_a_model_of_flow_matching(name, scene, builder):
    config = scene(name)
    before, _ = builder.build(config)
    config["effects"]["fog"] |= {"scheduler": "UniPCMultistepScheduler", "steps": 40}
    solved, _ = builder.build(config)
    assert differing(before, solved) == {"fog", "final"}
    # Both solve the same equation, so that with many steps they meet.
    config["effects"]["fog"]["scheduler"] = None
    own, _ = builder.build(config)
    config["effects"]["fog"]["seed"] = 1
    other, _ = builder.build(config)
    assert distance(solved["fog"], own["fog"]) < 0.05 * distance(other["fog"], own["fog"])


@pytest.mark.parametrize(
    ("name", "place", "scheduler", "said"),
    [
        (
            "sd15",
            "effects.fog",
            "EulerDiscretScheduler",
            "no scheduler 'EulerDiscretScheduler'.*EulerDiscreteScheduler",
        ),
        (
            "sd15",
            "effects.fog",
            "FlowMatchEulerDiscreteScheduler",
            "does not fit the model, whose own is DDIMScheduler",
        ),
        ("z-image", "effects.fog", "EulerDiscreteScheduler", "one is for flow matching, the other is not"),
        ("sd35", "subjects.rover", "UniPCMultistepScheduler", "does not fit .* no attribute 'scale_noise'"),
        ("z-image", "effects.fog", "UniPCMultistepScheduler", "does not fit .*: can't multiply"),
    ],
)
def test_a_scheduler_that_does_not_fit_is_a_sentence(name, place, scheduler, said, scene, builder):
    config = scene(name)
    section, layer = place.split(".")
    config[section][layer]["scheduler"] = scheduler
    with pytest.raises(StrataError, match=said):
        builder.build(config)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("key", "value"), [("prompt_2", "a sea"), ("clip_skip", 1)])
def test_a_key_acts_or_is_reported_to_do_nothing(name, key, value, scene, builder):
    config = scene(name)
    before, _ = builder.build(config)
    config["effects"]["fog"][key] = value
    after, reports = builder.build(config)
    lacking = any(f"for which {key} has no meaning" in note for note in reports["fog"].notes)
    assert lacking == (key in FAMILIES[name].meaningless)
    assert ("fog" in differing(before, after)) == (not lacking)


def test_more_layers_than_there_are_cannot_be_skipped(scene, builder):
    config = scene("sd15")
    config["effects"]["fog"]["clip_skip"] = 3
    with pytest.raises(StrataError, match="clip_skip is 3, but the model's text encoder has 3 layers"):
        builder.build(config)


@pytest.fixture
def reference(builder, tmp_path):
    """A picture in the scene's folder."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "style.png")
    return {"image": "style.png", "weight": 1.0}


@pytest.mark.parametrize("name", ["sd15", "sd21", "sdxl", "sdxl-single", "sd35", "flux-fill", "kontext"])
def test_a_style_acts_on_its_pass_and_leaves_nothing_behind(name, scene, builder, reference, tmp_path):
    config = scene(name)
    before, _ = builder.build(config)
    if name == "flux-fill":  # FLUX.1 Fill takes none, the plain model does
        config["models"]["inpainting"] = config["models"]["text_to_image"]
        before, _ = builder.build(config)
    for model in config["models"].values():
        model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    assert differing(before, builder.build(config)[0]) == set()
    config["effects"]["fog"]["style"] = config["subjects"]["rover"]["style"] = reference
    styled, _ = builder.build(config)
    assert differing(before, styled) == {"fog", "rover", "final"}
    config["effects"]["fog"]["style"] = reference | {"weight": 0.5}
    config["effects"]["fog"]["loras"] = [{"file": str(lora(config, "text_to_image", tmp_path / "a.safetensors"))}]
    assert differing(styled, builder.build(config)[0]) == {"fog", "final"}
    config["effects"]["fog"] |= {"style": None, "loras": []}
    config["subjects"]["rover"]["style"] = None
    assert differing(before, builder.build(config)[0]) == set()


def test_another_reference_is_another_pass(scene, builder, reference, tmp_path):
    config = scene("sd15")
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    config["background"]["style"] = reference
    before, _ = builder.build(config)
    Image.new("RGB", (30, 30), "red").save(tmp_path / "style.png")
    assert "background" in differing(before, builder.build(config)[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda model, style: model.update(style_adapter=None), "background.style needs an IP-Adapter for the model"),
        (lambda model, style: style.update(image="none.png"), "background.style.image is 'none.png', but there is no"),
        (lambda model, style: style.update(image="../x.png"), "which lies outside the workflow's folder"),
        (lambda model, style: style.update(image="adapter/ip-adapter.safetensors"), "cannot be read as an image"),
        (lambda model, style: model["style_adapter"].update(file="none.safetensors"), "style_adapter.file is 'none"),
        (lambda model, style: model["style_adapter"].update(file="adapter/ip.bin"), "must be text, of the form"),
        (
            lambda model, style: model["style_adapter"].update(image_encoder="none"),
            "style_adapter.image_encoder is 'none'",
        ),
        (
            lambda model, style: model["style_adapter"].update(file="adapter/image_encoder/model.safetensors"),
            "does not fit the model, a StableDiffusionPipeline: its weights must be named image_proj",
        ),
    ],
)
def test_a_style_that_cannot_be_had_is_a_sentence(change, said, scene, builder, reference, tmp_path):
    config = scene("sd15")
    before, _ = builder.build(config)
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    config["background"]["style"] = reference
    change(model, reference)
    with pytest.raises(StrataError, match=said):
        builder.build(config)
    config["background"]["style"] = model["style_adapter"] = None
    assert differing(before, builder.build(config)[0]) == set()


def test_pickled_eyes_are_refused(scene, builder, reference, tmp_path):
    import torch

    config = scene("sd15")
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    weights = tmp_path / "adapter/image_encoder/model.safetensors"
    torch.save({}, weights.with_name("pytorch_model.bin"))
    weights.unlink()
    config["background"]["style"] = reference
    with pytest.raises(StrataError, match="does not fit the model"):
        builder.build(config)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("flux-fill", "FluxFillPipeline"),
        ("flux2-klein", "Flux2Klein.*Pipeline"),
        ("qwen-image", "QwenImage.*Pipeline"),
        ("z-image", "ZImage.*Pipeline"),
    ],
)
def test_a_family_that_takes_no_style_refuses_it(
    name, kind, scene, builder, reference, models_of, tmp_path, monkeypatch
):
    config = scene(name)
    adapter = tiny_adapters.style(models_of("sd15")["text_to_image"], tmp_path / "adapter")
    config["models"]["inpainting"]["style_adapter"] = adapter
    config["subjects"]["rover"]["style"] = reference
    with pytest.raises(StrataError, match=f"a {kind}, which takes no picture for its `style`: StableDiffusion, "):
        Scene(config, "config.yaml")
    monkeypatch.setattr(
        "strata.models.reference.find_config", lambda *model: {}
    )  # as one on the hub that is not here yet
    with pytest.raises(StrataError, match=f"is a {kind}, which takes no picture for its `style`: StableDiffusion, "):
        builder.build(config)


@pytest.mark.parametrize("name", ["sd15", "sd35", "kontext"])
def test_every_kind_of_pass_takes_a_style(name, scene, builder, reference, tmp_path):
    Image.linear_gradient("L").convert("RGB").save("photo.png")
    config = scene(name)
    config["composite"] = {}
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    config["refine"] = {"prompt": "a desert", "steps": 2, "strength": 1.0}
    config["background"] |= {"image": "photo.png", "strength": 1.0}
    places = {"background": config["background"], "fog": config["effects"]["fog"], "refined": config["refine"]}
    for layer, described in places.items():
        before = builder.build(config)[0][layer]
        described["style"] = reference
        assert before.tobytes() != builder.build(config)[0][layer].tobytes(), layer


@pytest.mark.parametrize("name", ["sd15", "sd35", "kontext"])
def test_a_style_after_a_layer(name, scene, builder, tmp_path):
    """Also after one that lies off what the pass sees. Outside the mask nothing changes, and the weight counts."""
    config = scene(name)
    config["composite"] = {}
    model = config["models"]["inpainting"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    config["subjects"]["rover"] |= {"context": 4, "strength": 1.0}
    seen = [builder.build(config)[0]["rover"].tobytes()]
    for style in (
        {"layer": "astronaut", "weight": 1.0},
        {"layer": "astronaut", "weight": 0.2},
        {"layer": "fog", "weight": 1.0},
    ):
        config["subjects"]["rover"]["style"] = style
        pictures, _ = builder.build(config)
        seen.append(pictures["rover"].tobytes())
        assert not np.asarray(pictures["rover"])[np.asarray(pictures["mask of rover"]) == 0].any()
    assert len(set(seen)) == 4
    config["subjects"]["rover"]["style"] = {"layer": "astronaut", "weight": 1.0}
    assert builder.build(config)[0]["rover"].tobytes() == seen[1]
    config["subjects"]["astronaut"]["seed"] = 5
    assert builder.build(config)[0]["rover"].tobytes() != seen[1]


def test_an_adapter_of_flux_is_the_same_in_another_form(scene, builder, reference, tmp_path):
    config = scene("kontext")
    model = config["models"]["text_to_image"]
    model["style_adapter"] = tiny_adapters.style(model["id"], tmp_path / "adapter")
    config["background"]["style"] = reference
    before = builder.build(config)[0]["background"].tobytes()
    tiny_adapters.as_xlabs_names_them(tmp_path / "adapter/ip-adapter.safetensors")
    assert builder.build(config)[0]["background"].tobytes() == before


def test_a_worker_that_is_warm_paints_as_before(finished, built):
    """Through Snakemake: a pass with an adapter between two without."""
    before = built.bytes()
    file = built.folder / "loras/a.safetensors"
    lora(built.config, "text_to_image", file)
    built.edit("effects.fog.loras", [{"file": "loras/a.safetensors"}])
    assert "fog painted" in built.build()
    assert built.bytes()["effects/fog.png"] != before["effects/fog.png"]
    built.edit("effects.fog.loras", None)
    shutil.rmtree(built.folder / ".strata/store")
    assert "fog painted" in built.build()
    assert built.bytes() == before
    built.edit("effects.fog.seed", 1)
    built.edit("effects.fog.loras", [{"file": "loras/none.safetensors"}])
    failed = built.snakemake("results/final.png")
    assert failed.returncode
    assert (
        "config.yaml: effects.fog.loras[0].file is 'loras/none.safetensors', but there is no such file" in failed.stdout
    )
    assert "Traceback" not in failed.stdout
