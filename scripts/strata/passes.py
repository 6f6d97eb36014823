"""What travels from the config to the pictures: what each rule must know, as types.

One mapping of plain values is the `spec` among a rule's params.
Snakemake compares the values of params without their names, so that two loose values that are swapped would go unnoticed;
a mapping does see it. All sizes and lengths are rendered pixels. `code` is the digest of the code that decides the layer's
pixels.
"""

from typing import Literal, NotRequired, TypedDict, cast


class Shape(TypedDict, total=False):
    """One shape of a mask. `shape` is always there; which of the others, depends on it."""

    shape: str
    bbox: list[float]
    radius: float
    points: list[list[float]]
    start: list[float]
    end: list[float]
    center: list[float]
    inner: float


class Mask(TypedDict):
    """`layer` is a layer's name; `offset` and `flip` move and mirror what it gives. Lengths are canvas pixels.

    `text` says in words what is masked; the keys from `of` to `edge` say how that is found, see TextMask.
    """

    shapes: list[Shape] | None
    image: str | None
    fit: str
    layer: str | None
    offset: list[float]
    flip: str
    text: str | None
    of: str
    threshold: float
    choose: str
    model: str | None
    edge: str | None
    invert: bool
    grow: int
    feather: float


class Ramp(TypedDict):
    """The distances, 0 to 1, at which a layer is transparent and at which it has its full opacity."""

    start: float
    end: float


class StackEntry(TypedDict):
    """A layer in the composite. `position` is the x and y of its top left corner."""

    layer: str
    opacity: float
    blur: float
    blend: str
    position: list[float]
    depth: Ramp | None


class DepthOfField(TypedDict):
    """The distance that is sharp, how far about it, and the greatest blur, a standard deviation."""

    focus: float
    range: float
    blur: float


class DepthPicture(TypedDict):
    """A picture of distances: its file, what is near in it, how it is fitted, and the key that names it, for sentences.

    `image` is a file of the user's, or the name of a layer's estimated depth, whose folder only the job knows.
    """

    image: str
    near: str
    fit: str
    where: str


class Finish(TypedDict):
    brightness: float
    contrast: float
    color: float
    sharpness: float


class Sampling(TypedDict):
    """How a diffusion model is run, beside its prompt."""

    negative_prompt: str
    seed: int
    steps: int
    guidance_scale: float
    prompt_2: str | None
    clip_skip: int | None
    scheduler: str | None


class StyleAdapter(TypedDict):
    """An IP-Adapter: its file, and the folder of the image encoder that it was made for."""

    file: str
    image_encoder: str


class Layer(TypedDict):
    """What all layers have."""

    code: str


class Sized(Layer):
    """A layer with a size."""

    width: int
    height: int


class StepCache(TypedDict):
    """How steps skip blocks: `threshold` counts for the kind first_block, `interval` for taylor_seer."""

    kind: str
    threshold: float
    interval: int


class Speed(TypedDict):
    """How a model is made faster, or smaller."""

    compile: bool
    weights: str | None
    cache: StepCache | None


class PassModel(TypedDict):
    """A model as a pass needs it: what to load, and the digest of it. A network has its file as `id`.

    `speed` is there where something is asked for.
    """

    id: str
    revision: str | None
    variant: str | None
    dtype: str
    fingerprint: str | None
    speed: NotRequired[Speed]


class PassLora(TypedDict):
    file: str
    weight: float
    fingerprint: str


class PassStyle(TypedDict):
    """A reference for style: how strongly it acts, the IP-Adapter, its image encoder, and the digests of the two."""

    weight: float
    file: str
    image_encoder: str
    fingerprints: list[str]


class Guide(TypedDict):
    """A picture that a pass looks at: a file of the user's, or a layer by its name."""

    image: str | None
    layer: str | None


class ControlPicture(Guide):
    """What a ControlNet follows: how it is fitted to the canvas, and Canny's two thresholds, which count for canny alone."""

    fit: str
    thresholds: list[float]


class PassControl(TypedDict):
    """A ControlNet, what the picture that it follows shows, how strongly it acts, and the number that a union has for the kind.

    Of the kind plate there is no such picture: it is the plate of the pass, with its mask.
    """

    model: PassModel
    kind: str
    scale: float
    mode: int | None


GUIDES = ("reference", "style_picture", "control_picture")
"""The parts of a pass that name pictures which guide it, in the order in which a job has their files."""


class DiffusionPass(Sized, Sampling):
    """One run of a diffusion model.

    `reference_weight` is how many times more than it was trained to the model attends to the `reference`; None where there is none.
    `style_picture` is there where `style` is, and `control_picture` where `control` is, but for one of the kind plate.
    """

    prompt: str
    loras: list[PassLora]
    style: PassStyle | None
    style_picture: Guide | None
    reference: Guide | None
    reference_weight: float | None
    control: PassControl | None
    control_picture: ControlPicture | None
    model: PassModel


class TextToImage(DiffusionPass):
    """The background."""

    task: Literal["text_to_image"]


class PaintedEffect(TextToImage):
    """An effect that a model paints."""

    alpha: str


class ImageToImage(DiffusionPass):
    """The background, painted anew from a picture. `image` is its file; `where` is the key that names it, for sentences."""

    task: Literal["image_to_image"]
    image: str
    fit: str
    strength: float
    where: str


class Ring(TypedDict):
    """What lies within `width` pixels of the edge of a layer that `layers` names, feathered."""

    layers: list[str]
    width: float
    feather: float


class Refine(DiffusionPass):
    """The flattened stack, painted anew as far as `strength` says; with a ring, only there."""

    task: Literal["refine"]
    strength: float
    stack: list[StackEntry]
    depth: DepthPicture | None
    ring: Ring | None


class PassCheck(TypedDict):
    """What a subject's mask must show, how surely, how many more seeds are tried until it does, and what looks."""

    text: str
    threshold: float
    retries: int
    model: PassModel


class Tried(TypedDict):
    """A seed, and how surely the mask shows with it what it is to show, 0 to 1."""

    seed: int
    score: float


class Inpaint(DiffusionPass):
    """A subject. `context` is the margin round the mask that the pass sees; None sees all. `plate` names layers.

    `check` says when other seeds are tried; None if none is.
    """

    task: Literal["inpaint"]
    strength: float
    context: int | None
    color_match: float
    heal: float
    cell: int
    plate: list[str]
    check: PassCheck | None


class TextMask(Sized):
    """What a text names in a picture.

    `plate` names the layers that make the picture; `choose` says which of several things counts. What is found has at least
    the score `threshold`, 0 to 1. `edge` is the model that cuts it out along its edge. `scale` is the rendered pixels to a
    canvas pixel and `where` the key of the mask, for sentences.
    """

    task: Literal["text_to_mask"]
    text: str
    threshold: float
    choose: str
    model: PassModel
    edge: PassModel | None
    plate: list[str]
    scale: float
    where: str


class Check(Sized):
    """Whether a subject's mask shows what a text names. `plate` names the layers beneath, and last the subject.

    What is looked at is what the subject's own pass saw, see Inpaint, with the subject.
    """

    task: Literal["check"]
    text: str
    threshold: float
    context: int | None
    cell: int
    model: PassModel
    plate: list[str]


class DepthEstimate(Sized):
    """The depth of a picture, as a model estimates it. `plate` names the layers that make the picture."""

    task: Literal["depth"]
    model: PassModel
    plate: list[str]


class Upscale(Sized):
    """A larger final picture. `width` and `height` are those of the picture that is there."""

    task: Literal["upscale"]
    method: Literal["lanczos", "network", "diffusion"]
    factor: int
    model: NotRequired[PassModel]
    tile: NotRequired[int]
    overlap: NotRequired[int]
    prompt: NotRequired[str]
    negative_prompt: NotRequired[str]
    seed: NotRequired[int]
    steps: NotRequired[int]
    guidance_scale: NotRequired[float]
    noise_level: NotRequired[int]


class DrawnImage(Sized):
    """An effect that is an image. `where` is its key, for sentences."""

    task: Literal["image"]
    image: str
    alpha: str
    where: str


class Photograph(Sized):
    """A background that is a picture. `where` is its key, for sentences."""

    task: Literal["photograph"]
    image: str
    fit: str
    where: str


class PlacedImage(Sized):
    """A subject that is an image. Either `bbox` says where it goes, or `position`, with `scale` rendered pixels to one of its.

    `masked` says whether a mask cuts it out; `where` is its key, for sentences.
    """

    task: Literal["placed"]
    image: str
    position: list[float]
    scale: float
    bbox: list[float] | None
    fit: str
    masked: bool
    where: str


class DrawnMask(Sized):
    """A mask. `cell` is the side of a latent cell, 0 where no model paints into the mask; `where` is the mask's key, for sentences."""

    mask: Mask
    scale: float
    cell: int
    where: str


class Composite(Sized):
    """The stack, bottom to top, and the finish. `depth` is None where nothing asks for it.

    A rule has the effective scene beside them, which the picture carries.
    """

    stack: list[StackEntry]
    depth: DepthPicture | None
    depth_of_field: DepthOfField | None
    finish: Finish
    scene: NotRequired[dict[str, object]]


class EffectiveScene(Layer):
    """The scene in full, and what is worth a word about it."""

    scene: dict[str, object]
    notes: list[str]


class Sheet(Layer):
    """The contact sheet of a sweep. `width` is that of each picture on it."""

    cells: list[dict[str, object]]
    columns: int
    width: int


Painted = TextToImage | PaintedEffect | ImageToImage | Inpaint | Refine
"""What a diffusion pipeline paints from a prompt."""

Perceived = TextMask | DepthEstimate | Check
"""What a model sees in a picture."""

Pass = Painted | Perceived | Upscale
"""What `painting` can make."""


def find_control(spec: Pass) -> PassControl | None:
    """The ControlNet that a pass has; None if it has none, or can have none."""
    return cast(DiffusionPass, spec)["control"] if "control" in spec else None


Drawn = DrawnImage | Photograph | PlacedImage
"""Layers that are pictures of the user's own, which no model paints."""
