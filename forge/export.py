"""Export: the trained parts as two ordinary diffusers pipelines, their common parts stored once."""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionInpaintPipeline, StableDiffusionPipeline
from diffusers.utils import logging
from safetensors.torch import load_file

from forge.autoencoder import make_autoencoder
from forge.card import model_card
from forge.noise import Noising
from forge.settings import load
from forge.text import make_text_encoder, make_tokenizer
from forge.training import make_unet

PIPELINES = {"text_to_image": StableDiffusionPipeline, "inpainting": StableDiffusionInpaintPipeline}
SHARED = ("tokenizer", "text_encoder", "vae")
"""Parts that both pipelines have in common; the second folder links to the first one's."""


def make_pipelines(settings: dict, weights: Path) -> dict:
    """Return both pipelines by task, float32 on the CPU, from the trained parts in a folder."""
    text, noise = settings["text"], settings["noise"]
    tokenizer = make_tokenizer(text["tokens"])
    decoder = settings["decoder"]
    vae = make_autoencoder(decoder["cell"], decoder["width"], decoder["blocks"])
    vae.load_state_dict(load_file(weights / "decoder.safetensors"))
    shared = {
        "vae": vae,
        "tokenizer": tokenizer,
        "text_encoder": make_text_encoder(tokenizer, text["width"]),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    logging.set_verbosity_error()  # the pipelines expect another class of autoencoder, and say so
    pipelines = {}
    for task, pipeline in PIPELINES.items():
        unet = make_unet(settings["unet"], settings[task]["unet"])
        unet.load_state_dict(load_file(weights / f"{task}.safetensors"))
        pipelines[task] = pipeline(unet=unet.eval(), scheduler=make_scheduler(noise, **settings["sampling"]), **shared)
    logging.set_verbosity_warning()
    return pipelines


def make_scheduler(noise: dict, most_noise: float, **sampling: object) -> DPMSolverMultistepScheduler:
    """Return the scheduler of both pipelines.

    Training ends with noise alone, from which no step of a solver is finite. So a little signal is kept: from where there is
    `most_noise` times as much noise, the schedule falls only as far as solvers need to tell its steps apart.
    """
    alphas = Noising(noise, torch.device("cpu")).signal.double() ** 2
    least = 1 / (1 + most_noise**2)
    beyond = alphas < least
    alphas[beyond] = least * torch.linspace(1, 0.99, int(beyond.sum()) + 1, dtype=alphas.dtype)[1:]
    betas = 1 - alphas / torch.cat([alphas.new_ones(1), alphas[:-1]])
    kept = {key: noise[key] for key in ("num_train_timesteps", "prediction_type", "timestep_spacing")}
    return DPMSolverMultistepScheduler(trained_betas=betas.tolist(), **kept, **sampling)


def export(pipelines: dict, folder: Path) -> None:
    """Write both pipelines in fp16 below `folder`, each whole when its folder appears."""
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    names = {"text_to_image": "text-to-image", "inpainting": "inpainting"}
    for task, pipeline in pipelines.items():
        for module in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
            module.half()
        pipeline.save_pretrained(draft / names[task], safe_serialization=True)
    without_ignored_key(draft / names["text_to_image"] / "vae" / "config.json")
    for part in SHARED:
        link = draft / names["inpainting"] / part
        shutil.rmtree(link)
        link.symlink_to(Path("..") / names["text_to_image"] / part, target_is_directory=True)
    for path in draft.rglob("*.safetensors"):
        path.chmod(0o644)  # safetensors writes files that only their owner can read
    for name in names.values():
        shutil.rmtree(folder / name, ignore_errors=True)
        (draft / name).replace(folder / name)
    draft.rmdir()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    (folder / "README.md").write_text(model_card(size))


def without_ignored_key(path: Path) -> None:
    """Take out of an autoencoder's config the one key that diffusers writes, but warns of when it reads it."""
    config = json.loads(path.read_text())
    config.pop("block_out_channels")
    path.write_text(json.dumps(config, indent=2) + "\n")


def main() -> None:
    """Write the two pipelines and their model card."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="the folder of the trained parts")
    args = parser.parse_args()
    export(make_pipelines(load(args.settings), args.weights), args.folder)


if __name__ == "__main__":
    main()
