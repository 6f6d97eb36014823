"""A complete scene as types: what schemas/scene.schema.yaml describes, with every default filled in.

Lengths are canvas pixels. The schema says what each key means; a test holds the two in step.
"""

from typing import Any, Literal, TypedDict

from strata.passes import DepthOfField, Finish, Mask, Sampling, Speed, StackEntry, StyleAdapter
from strata.schema import Schema

SCHEMA = Schema("scene")  # read and compiled when first needed, and then for all scenes


class Canvas(TypedDict):
    width: int
    height: int
    scale: float


class Lora(TypedDict):
    file: str
    weight: float


class Reference(TypedDict):
    image: str | None
    layer: str | None
    weight: float


class Style(TypedDict):
    image: str | None
    layer: str | None
    weight: float


class Control(TypedDict):
    model: str
    kind: Literal["image", "canny", "depth", "plate"]
    image: str | None
    of: str | None
    fit: str
    scale: float
    mode: int | None
    thresholds: list[float]


class Model(TypedDict):
    id: str
    revision: str | None
    variant: str | None
    dtype: str
    scheduler: str | None
    loras: list[Lora]
    style_adapter: StyleAdapter | None
    steps: int | None
    guidance_scale: float | None
    strength_limit: float
    speed: Speed | None


class Upscaler(TypedDict):
    id: str
    revision: str | None
    variant: str | None
    dtype: str


class Passed(Sampling):
    """What the background, a subject and an effect have in common: how a model paints them, if one does."""

    loras: list[Lora]
    style: Style | None
    reference: Reference | None
    control: Control | None
    model: str | None


class Background(Passed):
    """Painted from its prompt, an image, or an image painted anew."""

    prompt: str | None
    image: str | None
    fit: str
    strength: float | None


class CheckSettings(TypedDict):
    text: str | None
    threshold: float
    retries: int
    model: str | None


class Subject(Passed):
    """Painted from its prompt into its mask, or an image."""

    mask: Mask | None
    prompt: str | None
    image: str | None
    position: list[float] | None
    scale: float
    bbox: list[float] | None
    fit: str
    strength: float
    context: Literal["canvas"] | int
    color_match: float
    heal: float
    check: CheckSettings | None


class Effect(Passed):
    """Painted from its prompt, or an image."""

    prompt: str | None
    image: str | None
    alpha: str


class Depth(TypedDict):
    """A picture of the user's, or what a model estimates."""

    image: str | None
    near: Literal["white", "black"] | None
    fit: str
    of: str | None
    model: str | None


class Composite(TypedDict):
    layers: list[StackEntry] | None
    depth_of_field: DepthOfField | None
    finish: Finish


class Ring(TypedDict):
    ring: float
    feather: float


class Refine(Passed):
    prompt: str
    strength: float
    mask: Ring | None


class Upscale(TypedDict):
    method: Literal["lanczos", "network", "diffusion"]
    network: str | None
    model: Upscaler
    tile: int
    overlap: int
    prompt: str | None
    negative_prompt: str
    seed: int
    steps: int
    guidance_scale: float
    noise_level: int


class Description(TypedDict):
    """A complete scene."""

    canvas: Canvas
    preset: str | None
    models: dict[str, Model]
    background: Background
    subjects: dict[str, Subject]
    effects: dict[str, Effect]
    depth: Depth | None
    composite: Composite
    refine: Refine | None
    upscale: Upscale
    exports: list[Literal["psd", "openraster", "view"]]
    compare: list[str]


def complete(described: object, source: str) -> Description:
    """A scene with every default filled in; `source` names the file in the sentence of a StrataError."""
    completed: Any = SCHEMA.complete(described, source)
    return completed
