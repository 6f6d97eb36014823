"""Evaluation: what the two pipelines make of prompts that they were not trained on, measured and shown."""

import argparse
import json
from itertools import combinations, product
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import AutoPipelineForInpainting, AutoPipelineForText2Image
from PIL import Image

from forge import judges, latents, settings
from forge.captions import landscape_prompt, subject_prompt
from forge.data import random_subject, with_subject
from forge.drawing import draw, to_image
from forge.judges import Judge
from forge.masks import Mask, hard, inside, nearest_cells, random_mask
from forge.scenes import ALIEN_LANDSCAPES, LANDSCAPES, LIGHTS, TIMES, Scene, compose, held_out, lights_of, random_scene
from strata.imaging.healing import heal

CANVAS = (768, 512)
NEGATIVE = "people, animals, text, watermark, blur"

SHOWN = 12
"""Painted pictures that a sheet shows, each with the drawn one beside it."""


def held_out_scene(rng: Random) -> Scene:
    """Lay out a scene whose time, landscape and light never met in training."""
    kept = [
        (time, landscape, light)
        for time, landscape in product(TIMES, LANDSCAPES)
        for light in dict.fromkeys(lights_of(time))
        if held_out(time, landscape, light)
    ]
    time, landscape, light = rng.choice(kept)
    alien = landscape in ALIEN_LANDSCAPES and rng.random() < 0.35
    return compose(rng, time, landscape, light, alien)


def cells_of(image: Image.Image) -> np.ndarray:
    """Return a picture's latents."""
    return latents.encode(np.asarray(image, np.float32) / 255)


def sharpness(picture: Image.Image) -> float:
    """Return the step between neighbours in a row that only one in 200 exceeds, levels of 255."""
    return float(np.quantile(np.abs(np.diff(np.asarray(picture, np.float32).mean(-1), axis=1)), 0.995))


@torch.no_grad()
def decoded(vae, picture: Image.Image) -> Image.Image:
    """Encode and decode a picture."""
    pixels = torch.from_numpy(np.asarray(picture, np.float32)).permute(2, 0, 1)[None].to(vae.dtype) / 127.5 - 1
    shown = vae.decode(vae.encode(pixels).latents).sample[0].float()
    return to_image((shown.permute(1, 2, 0).numpy().clip(-1, 1) + 1) / 2)


def evaluate_landscapes(pipeline, judge: Judge, chosen: dict) -> tuple[dict, list[Image.Image]]:
    """Paint held-out prompts; return how many came out right and how sharp, and each picture with a drawn one beside it."""
    rng = Random("held-out prompts")
    right, cells, pictures = dict.fromkeys(judge.questions, 0), [], []
    sharp, sharp_decoded = [], []
    for number in range(chosen["prompts"]):
        scene = held_out_scene(rng)
        concepts, drawn = scene.concepts, to_image(draw(scene, *CANVAS))
        image = paint_landscape(pipeline, landscape_prompt(concepts, rng), number, chosen)
        cells += [cells_of(image), cells_of(drawn)]
        answers = judge(cells[-2])
        light = next((name for name in concepts if name in LIGHTS), "no sun")
        truth = {"time": concepts[0], "landscape": concepts[1], "light": light}
        for question, answer in answers.items():
            right[question] += answer == truth[question]
        if (as_drawn := sharpness(drawn)) > 0:  # a sky over an even land has no steps in its rows
            sharp.append(sharpness(image) / as_drawn)
            sharp_decoded.append(sharpness(decoded(pipeline.vae, drawn)) / as_drawn)
        pictures += [image, drawn] if number < SHOWN else []
    prompt = "a desert at golden hour, two suns, rock formations"
    again = [np.float32(paint_landscape(pipeline, prompt, seed, chosen)) for seed in range(chosen["seeds"])]
    distance = np.mean([np.abs(a - b).mean() for a, b in combinations(again, 2)])
    stored = latents.to_bytes(np.stack(cells))
    figures = {
        "prompts": chosen["prompts"],
        "right": {question: count / chosen["prompts"] for question, count in right.items()},
        "judge_right_on_drawn": judge.accuracy,
        "sharpness_over_drawn": {"painted": float(np.median(sharp)), "decoded": float(np.median(sharp_decoded))},
        "told_from_drawn": judges.tell_apart(stored[0::2], stored[1::2]),
        "distance_between_seeds": float(distance),
    }
    return figures, pictures


def paint_landscape(pipeline, prompt: str, seed: int, chosen: dict) -> Image.Image:
    """Run text to image as a user would."""
    return pipeline(
        prompt,
        negative_prompt=NEGATIVE,
        width=CANVAS[0],
        height=CANVAS[1],
        num_inference_steps=chosen["steps"],
        guidance_scale=chosen["guidance_scale"],
        generator=torch.Generator().manual_seed(seed),
    ).images[0]


def evaluate_subjects(pipeline, judge: Judge, chosen: dict) -> tuple[dict, list[Image.Image]]:
    """Paint subjects into masks on drawn plates; return how many came out right, how they sit, and the pictures."""
    rng = Random("held-out subjects")
    right, fills, seams, pictures = dict.fromkeys(judge.questions, 0), [], [], []
    for number in range(chosen["subjects"]):
        scene = random_scene(2 * 10**9 + number)
        mask, (kind, color) = random_mask(rng, *judges.CELLS), random_subject(rng)
        plate = draw(scene, *CANVAS)
        drawn = with_subject(plate, mask, kind, color, scene)
        shown = hard(mask, *CANVAS, 1)
        image = pipeline(
            subject_prompt(kind, color, rng),
            negative_prompt=NEGATIVE,
            image=to_image(plate),
            mask_image=Image.fromarray(shown.astype(np.uint8) * 255),
            width=CANVAS[0],
            height=CANVAS[1],
            num_inference_steps=chosen["steps"],
            guidance_scale=chosen["guidance_scale"],
            strength=0.95,
            generator=torch.Generator().manual_seed(number),
        ).images[0]
        soft = inside(mask, *CANVAS, 1)
        painted = np.where(soft[..., None], np.asarray(image, np.float32) / 255, plate)
        cells = judges.cut_out(latents.to_bytes(latents.encode(painted)), nearest_cells(shown, latents.CELL))
        answers = judge(latents.from_bytes(cells.astype(np.float32)))
        right["kind"] += answers["kind"] == kind
        right["color"] += answers["color"] == color
        fills.append((fill(painted, plate, soft), fill(drawn, plate, soft)))
        healed = heal(image, to_image(plate), Image.fromarray(soft.astype(np.uint8) * 255), latents.CELL, 1)
        healed = np.where(soft[..., None], np.asarray(healed, np.float32) / 255, plate)
        seams.append([seam(picture, mask) for picture in (painted, healed, drawn)])
        pictures += [to_image(painted), to_image(drawn)] if number < SHOWN else []
    painted_fill, drawn_fill = np.transpose(fills)
    figures = {
        "subjects": chosen["subjects"],
        "right": {question: count / chosen["subjects"] for question, count in right.items()},
        "judge_right_on_drawn": judge.accuracy,
        "share_of_mask_filled": {"painted": float(painted_fill.mean()), "drawn": float(drawn_fill.mean())},
        "masks_filled_by_40_percent_or_more": float((painted_fill >= 0.4).mean()),
        "seam_contrast": dict(zip(("painted", "healed", "drawn"), np.mean(seams, 0).tolist(), strict=True)),
    }
    return figures, pictures


def fill(painted: np.ndarray, plate: np.ndarray, soft: np.ndarray) -> float:
    """Return the share of a mask where a picture differs visibly from its plate."""
    return float((np.abs(painted - plate).max(-1) > 0.1)[soft].mean())


def seam(picture: np.ndarray, mask: Mask) -> float:
    """Return the mean difference of colours just inside and just outside a mask's edge, levels of 255."""
    bands = [inside(mask, *CANVAS, 1, growth) for growth in (-6, 0, 6)]
    inner, outer = bands[1] & ~bands[0], bands[2] & ~bands[1]
    differences = []
    for row in range(0, CANVAS[1], 16):
        for column in range(0, CANVAS[0], 16):
            block = (slice(row, row + 16), slice(column, column + 16))
            if inner[block].sum() > 20 and outer[block].sum() > 20:
                means = [picture[block][band[block]].mean(0) for band in (inner, outer)]
                differences.append(np.abs(means[0] - means[1]).mean())
    return float(np.mean(differences) * 255) if differences else 0.0


def sheet(pictures: list[Image.Image], path: Path, columns: int = 4) -> None:
    """Lay pictures out on one sheet."""
    width, height = CANVAS[0] // 3, CANVAS[1] // 3
    whole = Image.new("RGB", (columns * width, -(-len(pictures) // columns) * height))
    for number, picture in enumerate(pictures):
        small = picture.resize((width, height), Image.Resampling.LANCZOS)
        whole.paste(small, (number % columns * width, number // columns * height))
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save(path, quality=88)


def main() -> None:
    """Measure both pipelines."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("models", type=Path)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--judges", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    chosen = settings.load(args.settings)["evaluation"]
    figures = {key: chosen[key] for key in ("steps", "guidance_scale", "dtype")}
    known = judges.load(args.judges)
    parts = (("text-to-image", AutoPipelineForText2Image, evaluate_landscapes, known["landscapes"]),
             ("inpainting", AutoPipelineForInpainting, evaluate_subjects, known["subjects"]))  # fmt: skip
    for name, loader, measure, judge in parts:
        pipeline = loader.from_pretrained(
            args.models / name, use_safetensors=True, dtype=getattr(torch, chosen["dtype"])
        )
        pipeline.set_progress_bar_config(disable=True)
        figures[name], pictures = measure(pipeline, judge, chosen)
        sheet(pictures, args.output / "sheets" / f"{name}.jpg")
    (args.output / "evaluation.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
