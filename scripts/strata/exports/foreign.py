"""What other programs write into their PNGs, as far as it makes a scene: the canvas and the background.

`parameters` is the text of AUTOMATIC1111's web UI and its kin (the last line is `Steps: 20, Sampler: Euler a, ...`); `prompt` is the
graph of ComfyUI as JSON, nodes by their number.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from strata.errors import StrataError
from strata.schema import shorten

SAMPLERS = {
    "euler": "EulerDiscreteScheduler",
    "euler a": "EulerAncestralDiscreteScheduler",
    "euler ancestral": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "lms": "LMSDiscreteScheduler",
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "plms": "PNDMScheduler",
    "unipc": "UniPCMultistepScheduler",
    "uni pc": "UniPCMultistepScheduler",
    "dpm++ 2m": "DPMSolverMultistepScheduler",
    "dpmpp 2m": "DPMSolverMultistepScheduler",
    "dpm2": "KDPM2DiscreteScheduler",
    "dpm 2": "KDPM2DiscreteScheduler",
}
"""Samplers by the names that other programs give them, in small letters, and the classes of diffusers."""

FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
"""One `key: value` of the last line, as the web UI itself reads it."""

LONGEST_LINE = 20_000
"""The most characters of a line of fields."""

MOST_STEPS = 50
"""How many nodes a text may lie behind in a graph of ComfyUI."""


@dataclass(frozen=True)
class Described:
    """A scene with a canvas and a background, and what could not be read, a sentence each."""

    scene: dict[str, Any]
    unread: tuple[str, ...]


def read(texts: Mapping[str, str], source: str) -> Described | None:
    """The scene in the text chunks of a PNG; None if none of them is known.

    Args:
        source: the file, which begins the sentence of a StrataError.
    """
    if "parameters" in texts:
        return read_parameters(texts["parameters"])
    if "prompt" in texts:
        return read_graph(texts["prompt"], source)
    return None


def read_parameters(text: str) -> Described:
    """The scene in the `parameters` of AUTOMATIC1111 and its kin."""
    lines = text.strip().split("\n")
    fields: dict[str, str] = {}
    if len(lines[-1]) < LONGEST_LINE and re.match(r"\s*Steps:\s*\d", lines[-1]):
        fields = {key: value.strip('"').strip() for key, value in FIELD.findall(lines.pop())}
    prompt, _, negative_prompt = "\n".join(lines).partition("Negative prompt:")
    background: dict[str, Any] = {"prompt": prompt.strip(), "negative_prompt": negative_prompt.strip()}
    scene: dict[str, Any] = {"background": background}
    for key, name, kind in (("Steps", "steps", int), ("Seed", "seed", int), ("CFG scale", "guidance_scale", float)):
        if (value := _number(fields.get(key), kind)) is not None:
            background[name] = value
            del fields[key]
    if size := re.fullmatch(r"(\d{1,5})x(\d{1,5})", fields.pop("Size", "")):
        scene["canvas"] = {"width": int(size[1]), "height": int(size[2]), "scale": 1.0}
    skipped = _number(fields.pop("Clip skip", None), int)
    if skipped is not None and skipped > 1:
        background["clip_skip"] = skipped - 1  # the web UI counts the last layer, too
    _take_sampler(background, fields, "Sampler")
    unread = [f"{key}: {shorten(value)}" for key, value in fields.items()]
    return Described(scene, (*unread, *_find_syntax(background["prompt"])))


def read_graph(text: str, source: str) -> Described | None:
    """The scene in ComfyUI's graph: its first sampler, and the texts and the size that lead to it. None if it has none."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        raise StrataError(f"{source} holds garbled text where ComfyUI writes its graph: it was damaged.") from None
    nodes = {str(key): node for key, node in told.items() if isinstance(node, dict)} if isinstance(told, dict) else {}
    graph = Graph(nodes)
    samplers = sorted(key for key in nodes if graph.is_sampler(key))
    if not samplers:
        return None
    inputs = graph.inputs(samplers[0])
    background: dict[str, Any] = {
        "prompt": graph.find_text(inputs.get("positive")),
        "negative_prompt": graph.find_text(inputs.get("negative")),
    }
    scene: dict[str, Any] = {"background": background}
    for keys, name, kind in (
        (("seed", "noise_seed"), "seed", int),
        (("steps",), "steps", int),
        (("cfg",), "guidance_scale", float),
    ):
        values = (_number(inputs.get(key), kind) for key in keys)
        if (value := next((value for value in values if value is not None), None)) is not None:
            background[name] = value
    size = graph.find_inputs(inputs.get("latent_image"), ("width", "height"))
    width, height = (_number(size.get(side), int) for side in ("width", "height"))
    if width and height:
        scene["canvas"] = {"width": width, "height": height, "scale": 1.0}
    fields = {"sampler_name": str(inputs.get("sampler_name", ""))}
    _take_sampler(background, fields, "sampler_name")
    unread = [f"{key}: {shorten(value)}" for key, value in fields.items() if value]
    unread += [f"another sampler, node {key}" for key in samplers[1:]]
    unread += [
        f"node {key}, {graph.kind(key)}" for key in sorted(nodes) if key not in graph.seen and key not in samplers
    ]
    return Described(scene, (*unread, *_find_syntax(background["prompt"])))


class Graph:
    """A graph of ComfyUI: each node has a class and inputs, and an input is a value or [node, output].

    Attributes:
        seen: the nodes that were understood.
    """

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]):
        self._nodes = nodes
        self.seen: set[str] = set()

    def kind(self, key: str) -> str:
        """The class of a node."""
        return shorten(self._nodes[key].get("class_type"))

    def inputs(self, key: str) -> Mapping[str, Any]:
        """The inputs of a node."""
        inputs = self._nodes.get(key, {}).get("inputs")
        return inputs if isinstance(inputs, dict) else {}

    def is_sampler(self, key: str) -> bool:
        """Whether a node runs the steps of a model: it has texts for both sides and a latent picture."""
        return {"positive", "negative", "latent_image"} <= self.inputs(key).keys()

    def find_text(self, link: object) -> str:
        """The nearest text that leads to an input; empty if there is none."""
        for _ in range(MOST_STEPS):
            link = self.find_inputs(link, ("text",)).get("text", "")
            if isinstance(link, str):
                return link
        return ""  # texts that lead to each other

    def find_inputs(self, link: object, names: tuple[str, ...]) -> Mapping[str, Any]:
        """The inputs of the nearest node behind a link that has all of some names."""
        for key in self._walk(link):
            inputs = self.inputs(key)
            if inputs.keys() >= set(names):
                self.seen.add(key)
                return inputs
        return {}

    def _walk(self, link: object) -> Iterator[str]:
        """The nodes behind a link, the nearest first, each once."""
        waiting, met = deque([link]), set[str]()
        while waiting and len(met) < MOST_STEPS:
            match waiting.popleft():
                case [str() | int() as key, int()] if str(key) not in met:
                    met.add(str(key))
                    yield str(key)
                    waiting.extend(self.inputs(str(key)).values())


def _number(value: object, kind: type[int] | type[float]) -> Any:
    """A number of a kind; None for anything else."""
    try:
        return kind(value) if isinstance(value, str | int | float) and len(str(value)) < 30 else None
    except (ValueError, OverflowError):
        return None


def _take_sampler(background: dict[str, Any], fields: dict[str, str], key: str) -> None:
    """Moves a sampler whose class is known from the fields to the background."""
    name = re.sub(r"[_\s]+", " ", fields.get(key, "").lower()).removesuffix(" karras").strip()
    if name in SAMPLERS:
        background["scheduler"] = SAMPLERS[name]
        if fields.pop(key).lower().endswith("karras"):
            fields[key] = "its Karras noise schedule"


def _find_syntax(prompt: str) -> list[str]:
    """What a prompt holds that means something to another program, and is plain text here."""
    found = re.findall(r"<(?:lora|lyco|hypernet):[^<>]{1,200}>", prompt)
    if re.search(r"\([^()]*:\s*[\d.]+\s*\)", prompt):
        found.append("weights in parentheses, which are plain text here")
    return [f"in the prompt: {part}" for part in found]
