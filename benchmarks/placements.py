"""What each placement of a full-sized Stable Diffusion 2.1 takes: memory at its peak, and seconds a pass.

    python benchmarks/placements.py [--device cpu] [--steps 1] [--into benchmarks/placements.md]

The model has the shapes of Stable Diffusion 2.1 (866 million weights in its UNet, 340 million in its text encoder, 84 million
in its autoencoder) in bfloat16, and random weights: what a pass takes does not depend on their values. It is written to a
temporary folder (5.2 GB) once, and each measurement is a process of its own, which paints 768 x 512 pixels.

With --device cuda the peaks are those of torch's allocator on the card. On a processor they are counted: every tensor that would
live on a card is held to its account (tests/helpers/counted_device.py), while offload hooks move weights as they would there. What a
card takes beside, for its context (about half a GB) and its kernels' scratch space, is not in it. The processor itself
knows two placements, whose peak is the resident memory of the process.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("scripts", "tests", "benchmarks")]

WIDTH, HEIGHT = 768, 512
WHERE = {"counted": "on a device that is counted", "cpu": "resident on the processor", "cuda": "on the card"}
TASKS = ("text_to_image", "inpaint")
MODEL = {"id": "full-size", "revision": None, "variant": None, "dtype": "bfloat16", "fingerprint": None}


def build(folder: Path) -> None:
    """Writes two pipelines of Stable Diffusion 2.1's shapes, of which the one for inpainting has a UNet of 9 channels."""
    import torch
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionInpaintPipeline,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    parts = {
        "vae": AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=768,
        ),
        "text_encoder": CLIPTextModel(
            CLIPTextConfig(
                hidden_size=1024,
                intermediate_size=4096,
                num_hidden_layers=23,
                num_attention_heads=16,
                hidden_act="gelu",
                bos_token_id=vocabulary["<|startoftext|>"],
                eos_token_id=vocabulary["<|endoftext|>"],
                pad_token_id=0,
            )
        ),
        "tokenizer": CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77),
        "scheduler": DDIMScheduler(
            beta_schedule="scaled_linear",
            beta_start=0.00085,
            beta_end=0.012,
            clip_sample=False,
            steps_offset=1,
            prediction_type="v_prediction",
        ),
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    for task, kind, channels in (
        ("text_to_image", StableDiffusionPipeline, 4),
        ("inpaint", StableDiffusionInpaintPipeline, 9),
    ):
        unet = UNet2DConditionModel(
            in_channels=channels,
            sample_size=96,
            attention_head_dim=(5, 10, 20, 20),
            cross_attention_dim=1024,
            use_linear_projection=True,
        )
        kind(unet=unet, **parts).save_pretrained(folder / task)


def measure(folder: Path, device: str, placement: str, task: str, steps: int) -> dict:
    """One pass in this process: bytes at the peak, seconds of the pass, and the bytes of the weights."""
    from strata.diffusion import patches

    patches.prepare()
    import torch
    from PIL import Image

    from helpers.counted_device import CountedDevice
    from strata.diffusion import devices, inference, pipelines

    devices.use_threads(0)
    counted = CountedDevice() if device == "counted" else None
    where = {"counted": "counted:0", "cuda": "cuda:0"}.get(device, device)
    spec = {
        "prompt": "a desert", "negative_prompt": "people", "seed": 0, "steps": steps, "guidance_scale": 7.5,
        "strength": 1.0, "width": WIDTH, "height": HEIGHT, "control": None, "model": MODEL,
    }  # fmt: skip
    plate = Image.linear_gradient("L").resize((WIDTH, HEIGHT)).convert("RGB")
    mask = Image.new("L", plate.size)
    mask.paste(255, (80, 120, 280, 480))
    with counted or nullcontext():
        loaded = pipelines.load(task, MODEL, folder / task, where, placement, 1)
        assert loaded.placement == placement, loaded.placement
        pipeline = loaded.pipeline
        weights = sum(tensor.nbytes for part in pipelines.find_modules(pipeline) for tensor in part.parameters())
        started = time.perf_counter()
        if task == "inpaint":
            inference.inpaint(pipeline, spec, plate, mask, lambda *step: None)
        else:
            inference.text_to_image(pipeline, spec, lambda *step: None)
        seconds = time.perf_counter() - started
    if counted:
        peak = counted.peak
    elif device == "cuda":
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"peak": peak, "seconds": seconds, "weights": weights}


def child(*arguments: str) -> dict:
    """A process of its own, so that nothing of one measurement is in the next."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).resolve()), "--child", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1]) | {"load": os.getloadavg()[0]}
    print(*arguments[1:], json.dumps(found), file=sys.stderr, flush=True)
    return found


def graphics_card(device: str) -> str:
    if device != "cuda":
        return "no GPU"
    import torch

    return torch.cuda.get_device_name()


def table(found: dict[tuple, dict], device: str, steps: int) -> list[str]:
    placements = [placement for where, placement, task in found if where == device and task == TASKS[0]]
    lines = [
        f"| placement, {WHERE[device]} | peak, text to image | peak, inpainting | a pass, steps: {steps} |",
        "| --- | --- | --- | --- |",
    ]
    for placement in placements:
        one, other = (found[device, placement, task] for task in TASKS)
        seconds = f"{one['seconds']:.0f} s and {other['seconds']:.0f} s"
        lines.append(f"| {placement} | {one['peak'] / 1e9:.2f} GB | {other['peak'] / 1e9:.2f} GB | {seconds} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--steps", type=int, default=1, help="the steps of a pass; inpainting runs as many")
    parser.add_argument("--into", type=Path, help="a Markdown file for the tables")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.child and settings.child[0] == "build":
        build(Path(settings.child[1]))
        print("{}")
        return
    if settings.child:
        folder, device, placement, task, steps = settings.child
        print(json.dumps(measure(Path(folder), device, placement, task, int(steps))))
        return

    from compare import machine

    ladder = ("whole", "model", "sequential", "tiles")
    runs = [("cuda", ladder)] if settings.device == "cuda" else [("counted", ladder), ("cpu", (ladder[0], ladder[-1]))]
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
        child("build", folder)
        found = {
            (device, placement, task): child(folder, device, placement, task, str(settings.steps))
            for device, placements in runs
            for placement in placements
            for task in TASKS
        }
    weights, loads = next(iter(found.values()))["weights"], [one["load"] for one in found.values()]
    lines = [
        f"{machine(graphics_card(settings.device))}. {WIDTH} x {HEIGHT} pixels, bfloat16, weights of {weights / 1e9:.2f} GB. The "
        f"machine's load was {min(loads):.0f} to {max(loads):.0f}: the seconds say little where that is more than its cores.",
    ]
    for device, _ in runs:
        lines += ["", *table(found, device, settings.steps)]
    print("\n".join(lines))
    if settings.into:
        settings.into.write_text("\n".join(["# The last run of placements.py", "", *lines, ""]))


if __name__ == "__main__":
    main()
