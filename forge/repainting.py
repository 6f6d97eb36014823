"""Pictures as the diffusion models leave them: what the decoder has to make sharp again.

Drawn pictures are spoiled with noise and painted anew by the models, as far as a strength says. The cells that come out differ from
the drawn ones as those of a finished pass do: an edge lies a little beside its place, a disc is no longer round.
"""

import argparse
from pathlib import Path
from random import Random

import numpy as np
import torch
from diffusers import StableDiffusionImg2ImgPipeline
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from forge import latents, settings
from forge.captions import landscape_prompt, subject_prompt
from forge.checkpoints import pick_device
from forge.data import landscape, random_subject, with_subject
from forge.drawing import draw, to_image
from forge.export import make_pipelines
from forge.masks import hard, random_mask
from forge.scenes import random_scene

LOCAL = 7
"""Cells: differences that are wider than so many stay out of what the decoder learns, which is to draw edges, not to change colours."""


def draw_landscape(seed: int, size: tuple[int, int]) -> tuple[Image.Image, dict]:
    """Draw a landscape or fog, and what text to image is asked for."""
    rng = Random(f"repainted landscape {seed}")
    scene = landscape(rng.randrange(10**9))
    return to_image(draw(scene, *size)), {"prompt": landscape_prompt(scene.concepts, rng)}


def draw_subject(seed: int, size: tuple[int, int]) -> tuple[Image.Image, dict]:
    """Draw a landscape with a subject, and what inpainting is asked for."""
    rng = Random(f"repainted subject {seed}")
    scene = random_scene(rng.randrange(10**9), hold_out=False)
    mask = random_mask(rng, *(length // latents.CELL for length in size))
    kind, color = random_subject(rng)
    picture = to_image(with_subject(draw(scene, *size), mask, kind, color, scene))
    shown = Image.fromarray(hard(mask, *size, 1).astype(np.uint8) * 255)
    return picture, {
        "prompt": subject_prompt(kind, color, rng),
        "mask_image": shown,
        "width": size[0],
        "height": size[1],
    }


def repaint(pipeline, picture: Image.Image, asked: dict, strength: float, seed: int, own: dict) -> np.ndarray:
    """Paint a picture anew as far as `strength` says; return its cells, float32 (4, height, width), near those of the picture."""
    painted = pipeline(
        image=picture,
        strength=strength,
        num_inference_steps=own["steps"],
        guidance_scale=own["guidance_scale"],
        generator=torch.Generator().manual_seed(seed),
        output_type="latent",
        **asked,
    ).images[0]
    drawn = latents.encode(np.asarray(picture, np.float32) / 255)
    return brought_near(painted.float().cpu(), torch.from_numpy(drawn)).numpy()


def brought_near(painted: Tensor, drawn: Tensor) -> Tensor:
    """Return painted cells (4, height, width) without their wide differences from the drawn ones."""
    side = LOCAL // 2
    wide = avg_pool2d(pad((drawn - painted)[None], (side,) * 4, mode="replicate"), LOCAL, 1)[0]
    return painted + wide


def write(folder: Path, pipelines: dict, own: dict) -> None:
    """Write `pictures.npy`, uint8 (count, height, width, 3), and `cells.npy`, float32 (count, 4, height, width) in cells."""
    width, height = own["canvas"]
    count, strengths = own["count"], own["strengths"]
    folder.mkdir(parents=True, exist_ok=True)
    pictures = np.lib.format.open_memmap(folder / "pictures.npy", "w+", np.uint8, (count, height, width, 3))
    shape = (count, latents.CHANNELS, height // latents.CELL, width // latents.CELL)
    cells = np.lib.format.open_memmap(folder / "cells.npy", "w+", np.float32, shape)
    kinds = (
        (
            draw_landscape,
            StableDiffusionImg2ImgPipeline(**pipelines["text_to_image"].components, requires_safety_checker=False),
        ),
        (draw_subject, pipelines["inpainting"]),
    )
    for number in range(count):
        draw_one, pipeline = kinds[number % 2]
        pipeline.set_progress_bar_config(disable=True)
        picture, asked = draw_one(number, (width, height))
        pictures[number] = np.asarray(picture)
        cells[number] = repaint(pipeline, picture, asked, strengths[number // 2 % len(strengths)], number, own)
    pictures.flush()
    cells.flush()


def main() -> None:
    """Paint drawn pictures anew, for the decoder."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="the folder of the UNets' weights")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    chosen = settings.load(args.settings)
    pipelines = make_pipelines(chosen, args.weights)
    for pipeline in pipelines.values():
        pipeline.to(pick_device(chosen["device"]), torch.bfloat16)
    write(args.folder, pipelines, chosen["repainted"])


if __name__ == "__main__":
    main()
