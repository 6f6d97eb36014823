"""What a look at a picture takes beside a pass: models of full size with random weights, on this machine.

    python benchmarks/looks.py [--rounds 3] [--into benchmarks/looks.md]

CLIPSeg rd64, OWLv2 base, Grounding DINO tiny, SAM 2.1 tiny and Depth Anything small, in float32 and in the shapes of those on the hub: what
a look takes does not depend on the values of the weights. They are written to a temporary folder (2.3 GB) once. Each looks at a
picture of 768 x 512 pixels, which is brought to the size that the model was made for. The pass is the default scene's background, by the
embedded model. Boxes are made up, since random weights find none: SAM 2 is given one.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / name) for name in ("scripts", "tests", "benchmarks")]

SIZE = 768, 512
TEXT = "a rock"


def build(folder: Path) -> None:
    """Writes the models."""
    from transformers import (
        BertTokenizer,
        CLIPSegConfig,
        CLIPSegForImageSegmentation,
        DepthAnythingConfig,
        DepthAnythingForDepthEstimation,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        Owlv2Config,
        Owlv2ForObjectDetection,
        Sam2Config,
        Sam2Model,
    )

    from helpers import tiny_vision
    from helpers.tiny_models import tokenizer

    words = tokenizer(16)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", *"abcdefghijklmnopqrstuvwxyz"]
    tokens += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    bert = BertTokenizer(vocab={token: place for place, token in enumerate(tokens)})
    text = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8}
    vision = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
    owl = Owlv2Config(
        text_config=text, vision_config=vision | {"image_size": 960, "patch_size": 16}, projection_dim=512
    )
    segmenter = CLIPSegConfig(
        text_config=text, vision_config=vision | {"patch_size": 16}, use_complex_transposed_convolution=True
    )
    square = {"height": 1024, "width": 1024}
    shortest = {"shortest_edge": 800, "longest_edge": 1333}
    fourteen = {
        "size": {"height": 518, "width": 518},
        "keep_aspect_ratio": True,
        "ensure_multiple_of": 14,
        "resample": 3,
    }
    for name, network, reads, settings in (
        ("clipseg", lambda: CLIPSegForImageSegmentation(segmenter), words, {"size": 352}),
        ("owlv2", lambda: Owlv2ForObjectDetection(owl), words, {"size": {"height": 960, "width": 960}}),
        ("dino", lambda: GroundingDinoForObjectDetection(GroundingDinoConfig()), bert, {"size": shortest}),
        ("sam2", lambda: Sam2Model(Sam2Config()), None, {"size": square}),
        ("depth", lambda: DepthAnythingForDepthEstimation(DepthAnythingConfig()), None, fourteen),
    ):
        tiny_vision.save(network(), folder / name, reads, settings)


class Look(NamedTuple):
    """What a look takes: the bytes of the weights, the seconds to load them, and those of the look."""

    title: str
    size: int
    loading: float
    seconds: float


def measure(folder: Path, rounds: int) -> list[Look]:
    """Loads each model and has it look."""
    import numpy as np
    from PIL import Image

    from strata.diffusion import depth_estimation, text_masks, vision_models
    from strata.imaging.regions import Region

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))
    box = [Region(1.0, (100, 100, 400, 400))]
    found = []
    for name, title, task, look in (
        (
            "clipseg",
            "CLIPSeg rd64: areas by words",
            "text_to_mask",
            lambda model: text_masks.score(model, picture, TEXT),
        ),
        ("owlv2", "OWLv2 base: boxes by words", "text_to_mask", lambda model: text_masks.detect(model, picture, TEXT)),
        (
            "dino",
            "Grounding DINO tiny: boxes by words",
            "text_to_mask",
            lambda model: text_masks.detect(model, picture, TEXT),
        ),
        (
            "sam2",
            "SAM 2.1 tiny: the outline in a box",
            "box_to_mask",
            lambda model: text_masks.cut_out(model, picture, box),
        ),
        ("depth", "Depth Anything small: depth", "depth", lambda model: depth_estimation.estimate(model, picture)),
    ):
        described = {"id": name, "revision": None, "variant": None, "dtype": "float32", "fingerprint": None}
        began = time.perf_counter()
        model = vision_models.load(task, described, folder / name, "cpu")
        loading = time.perf_counter() - began
        size = sum(file.stat().st_size for file in (folder / name).glob("*.safetensors"))
        found.append(Look(title, size, loading, take(lambda look=look, model=model: look(model), rounds)))
    return found


def take(work: Callable[[], object], rounds: int) -> float:
    """The median of the seconds that something takes, after one time that does not count."""
    work()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def measure_pass(rounds: int) -> float:
    """The seconds of the default scene's background, its model loaded."""
    import yaml

    from helpers.recorder import Recorder
    from helpers.settings import make_runtime
    from strata.diffusion.pipeline_cache import PipelineCache
    from strata.painting import execution
    from strata.painting.paint import resolve_paths
    from strata.painting.request import Request
    from strata.scene.scene import Scene

    scene = Scene(yaml.safe_load((ROOT / "config.yaml").read_text()), "config.yaml")
    request = resolve_paths(Request(scene.background(), "background.png", make_runtime(threads=0)))
    pipelines = PipelineCache()
    return take(lambda: execution.execute(request, None, Recorder(), pipelines), rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--into", type=Path)
    chosen = parser.parse_args()
    into = chosen.into.resolve() if chosen.into else None
    from strata.diffusion import patches

    patches.prepare()
    from strata.diffusion import devices

    devices.use_threads(0)
    from compare import machine

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        build(Path(folder, "models"))
        looks, background = measure(Path(folder, "models"), chosen.rounds), measure_pass(chosen.rounds)
    lines = [
        "# The last run of looks.py",
        "",
        f"{machine()}. 768 x 512 pixels, float32, random weights, medians of {chosen.rounds} rounds. The load of the machine was "
        f"{os.getloadavg()[0]:.0f}: where it is more than its cores, only the shares say something.",
        "",
        "| look | weights | loading | seconds | of a pass |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {look.title} | {look.size / 1e9:.2f} GB | {look.loading:.1f} s | {look.seconds:.2f} | "
            f"{look.seconds / background:.0%} |"
            for look in looks
        ),
        "",
        f"The pass is the default scene's background, which took {background:.2f} s by the embedded model.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if into:
        into.write_text(text)


if __name__ == "__main__":
    main()
