"""What a tutorial shows: one process that imports, loads both pipelines, runs four passes in a row, and composites.

    python benchmarks/plain_script.py <folder> <threads>

It paints the scene of the folder's config.yaml into <folder>/plain/. The seeds, sizes, masks and the compositing are those of
Strata, so that the pixels can be compared: a difference would mean that the work is another. Beside torch, diffusers and
Pillow it borrows the drawing of masks, the healing of their edges and the compositing, which a script would have to bring itself.
"""

import os
import sys
import time
from pathlib import Path

started = time.time()
folder, threads = Path(sys.argv[1]).resolve(), int(sys.argv[2])
os.chdir(folder)
sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionPipeline  # noqa: E402
from PIL import Image  # noqa: E402

from strata.imaging import compositing, healing, masks  # noqa: E402
from strata.scene.scene import Scene  # noqa: E402
from strata.yaml_files import read_yaml  # noqa: E402

imported = time.time()
torch.set_num_threads(threads)
config = read_yaml(Path("config.yaml"))
scene = Scene({key: value for key, value in config.items() if key != "runtime"}, "config.yaml")
size = scene.size


def load(kind, task):
    model = scene.description["models"][task]
    dtype = getattr(torch, model["dtype"])
    pipeline = kind.from_pretrained(model["id"], dtype=dtype, use_safetensors=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


text_to_image = load(StableDiffusionPipeline, "text_to_image")
inpainting = load(StableDiffusionInpaintPipeline, "inpainting")
loaded = time.time()


def picture(pipeline, described, **more):
    with torch.inference_mode():
        result = pipeline(
            prompt=described["prompt"],
            negative_prompt=described["negative_prompt"],
            num_inference_steps=described["steps"],
            guidance_scale=described["guidance_scale"],
            generator=torch.Generator("cpu").manual_seed(described["seed"]),
            width=size[0],
            height=size[1],
            output_type="np",
            **more,
        )
    return Image.fromarray(np.rint(np.clip(result.images[0], 0, 1) * 255).astype(np.uint8))


layers = {"background": picture(text_to_image, scene.description["background"])}
for name, subject in scene.subjects.items():
    plate = compositing.flatten(size, [compositing.Layer(layer) for layer in layers.values()])
    described = scene.mask(name)
    soft = masks.draw(described["mask"], size, described["scale"], described["where"])
    painted = picture(
        inpainting, subject, image=plate, mask_image=masks.hard(soft, described["cell"]), strength=subject["strength"]
    )
    painted = healing.heal(painted, plate, soft, described["cell"], subject["heal"])
    layers[name] = compositing.cut_out(painted, soft)
for name, effect in scene.effects.items():
    layers[name] = picture(text_to_image, effect)
passes = time.time()

composite = scene.composite()
stack = [
    compositing.quantise(
        compositing.Layer(
            layers[entry["layer"]], entry["opacity"], entry["blur"], entry["blend"], tuple(entry["position"])
        )
    )
    for entry in composite["stack"]
]
layers["final"] = compositing.finish(compositing.flatten(size, stack), **composite["finish"])
Path("plain").mkdir(exist_ok=True)
for name, layer in layers.items():
    layer.save(f"plain/{name}.png", compress_level=1)
print(f"import {imported - started:.2f} load {loaded - imported:.2f} passes {passes - loaded:.2f}")
