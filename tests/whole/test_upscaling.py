"""The final picture made larger, through real Snakemake: by Lanczos without torch, by a network, by a diffusion model."""

import importlib.util
import json

import pytest
from PIL import Image

from helpers import tiny_upscalers
from strata.imaging import tiles


def picture(working_folder, name: str) -> Image.Image:
    with Image.open(working_folder.folder / "results" / f"{name}.png") as image:
        image.load()
    return image


def test_lanczos_needs_no_torch(built):
    (built.folder / "none").mkdir()
    for name in ("torch", "diffusers", "transformers"):
        (built.folder / f"none/{name}.py").write_text("raise SystemExit('imported')")
    said = built.build("results/final@2x.png", "results/final@4x.png", PYTHONPATH=str(built.folder / "none"))
    assert "results/final@2x.png" in said
    assert "results/final@4x.png" in said
    final = picture(built, "final")
    for factor in (2, 4):
        larger = picture(built, f"final@{factor}x")
        assert larger.tobytes() == tiles.resample(final, factor).tobytes()
        provenance = json.loads(larger.text["strata"])
        assert (provenance["pass"]["method"], provenance["pass"]["factor"]) == ("lanczos", factor)


def test_scenes_and_variations_have_theirs(built):
    built.write({"effects": {"fog": {"seed": 7}}}, "scenes/dusk.yaml")
    built.build("results/dusk/final@2x.png", "results/fog.opacity~0.5/final@2x.png")
    for folder in ("dusk", "fog.opacity~0.5"):
        larger = picture(built, f"{folder}/final@2x")
        assert larger.tobytes() == tiles.resample(picture(built, f"{folder}/final"), 2).tobytes()


def test_a_diffusion_model_paints_once(built):
    model = {"id": str(tiny_upscalers.diffusion(built.folder / "x4")), "dtype": "float32"}
    plain = {"method": "diffusion", "model": model, "steps": 2, "tile": 64, "overlap": 16}
    built.edit("upscale", plain)
    assert "results/final.png, results/final@2x.png: final@2x painted; " in built.build("results/final@2x.png")
    first = (built.folder / "results/final@2x.png").read_bytes()
    larger = picture(built, "final@2x")
    assert larger.size == (192, 128)
    assert larger.text["parameters"].startswith(
        "a desert\nNegative prompt: \nSteps: 2, CFG scale: 7.5, Seed: 0, Size: 192x128"
    )
    built.edit("upscale.seed", 1)
    assert "final@2x painted" in built.build("results/final@2x.png")
    assert (built.folder / "results/final@2x.png").read_bytes() != first
    built.edit("upscale.seed", 0)
    said = built.build("results/final@2x.png")
    assert "final@2x from the store" in said
    assert "painted" not in said
    assert (built.folder / "results/final@2x.png").read_bytes() == first


@pytest.mark.skipif(importlib.util.find_spec("spandrel") is None, reason="needs requirements-upscale.txt")
def test_a_network_enlarges(built):
    tiny_upscalers.network(built.folder / "networks/tiny.safetensors")
    built.edit("upscale", {"method": "network", "network": "networks/tiny.safetensors", "tile": 64, "overlap": 16})
    assert "final@4x painted" in built.build("results/final@4x.png")
    assert picture(built, "final@4x").size == (384, 256)
    # Its content counts, and not its time.
    (built.folder / "networks/tiny.safetensors").touch()
    assert built.planned("results/final@4x.png") == set()
    tiny_upscalers.network(built.folder / "networks/tiny.safetensors", scale=2)
    assert built.planned("results/final@4x.png") == {"final@4x"}


def test_a_missing_network_stops_before_any_job(empty):
    empty.edit("upscale", {"method": "network", "network": "none.safetensors"})
    done = empty.snakemake("results/final@2x.png")
    assert done.returncode != 0
    assert "config.yaml: upscale.network is 'none.safetensors', but there is no such file" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (empty.folder / "logs").exists()
