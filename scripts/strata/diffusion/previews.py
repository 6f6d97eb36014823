"""What a pass will show, while it runs: small pictures of what the model expects by now, made without its decoder.

They decide no pixel of the layer. Where a sampler or an autoencoder is of a kind that is not known here, there are none.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from accelerate.utils.modeling import get_state_dict_offloaded_model
from PIL import Image

from strata.diffusion import patches
from strata.diffusion.inference import pad_size, size_multiple
from strata.imaging.arrays import Array, to_image

LONGEST = 256
"""The longest side of a preview, in pixels."""

APART = 0.5
"""Seconds between two previews, at the least."""

MOST_OF_THE_TIME = 0.01
"""The share of a pass that goes into its previews, at most: those that take long are the rarer."""

BLOCKS = 12
"""The colours along each side of the picture from which the colours of cells are learned; each is two cells wide."""

MOST_ASTRAY = 0.1
"""The logarithm by which the proportions of latents may differ from those of the picture."""

OnPreview = Callable[[Image.Image], None]
"""Called with what a pass will show, "RGB", of the proportions of what it paints and at most LONGEST along a side."""


@dataclass(frozen=True)
class CellColors:
    """The colour of a cell of latents: linear in its channels, as the autoencoder's own latents are.

    Attributes:
        slopes: of shape (channels, 3).
        base: the colour of a cell of zeros, of shape (3,); colours go from 0 to 1.
    """

    slopes: Array
    base: Array

    def of(self, cells: Array) -> Array:
        """The colours of cells of shape (channels, height, width): (height, width, 3), cut at 0 and 1."""
        colors: Array = np.tensordot(cells, self.slopes, axes=(0, 0)) + self.base
        return colors.clip(0, 1)


def always() -> bool:
    """For a pass that somebody looks at."""
    return True


@contextmanager
def shown(
    pipeline: Any, size: tuple[int, int], on_preview: OnPreview, is_watched: Callable[[], bool] = always
) -> Iterator[None]:
    """Lets a pass show what it is about to paint, every few steps.

    Args:
        pipeline: with the sampler that the pass uses.
        size: (width, height) in pixels of what it paints.
        is_watched: whether somebody looks, asked before each preview. As long as nobody does, nothing is worked out.
    """
    if getattr(pipeline, "vae", None) is None:
        yield
        return
    painted = pad_size(size, size_multiple(pipeline))
    due = 0.0

    def see(output: torch.Tensor, timestep: Any, sample: torch.Tensor) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        if not is_watched():
            due = time.monotonic() + APART
            return
        colors = learn_colors(pipeline.vae, pipeline.vae_scale_factor)
        if colors is None:
            due = math.inf
            return
        cells = _find_cells(pipeline, painted, output, timestep, sample)
        began = time.monotonic()  # not before: a graphics card first ends the step that it is at
        if cells is not None:
            on_preview(draw(colors.of(cells), painted, size))
        ended = time.monotonic()
        due = ended + max(APART, (ended - began) / MOST_OF_THE_TIME)

    with patches.watch_sampler(pipeline.scheduler, see):
        yield


def _find_cells(
    pipeline: Any, painted: tuple[int, int], output: torch.Tensor, timestep: Any, sample: torch.Tensor
) -> Array | None:
    """What the model expects, as the autoencoder has it, of shape (channels, height, width); None where that cannot be told."""
    try:
        expected = expect(pipeline.scheduler, output, timestep, sample)
        cells = None if expected is None else unpack(pipeline, expected, painted)
    except Exception:  # of a sampler that is odd: without a preview the pass is as good
        return None
    found: Array | None = None if cells is None else cells.cpu().numpy()
    return found if found is not None and np.isfinite(found).all() else None


def draw(colors: Array, painted: tuple[int, int], size: tuple[int, int]) -> Image.Image:
    """A preview, "RGB", of the colours of cells, (height, width, 3), that cover `painted` pixels, of which `size` count."""
    across, down = colors.shape[1] / painted[0], colors.shape[0] / painted[1]
    scale = min(LONGEST / max(size), 1)
    small = max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)
    return to_image(colors).resize(small, Image.Resampling.BICUBIC, (0, 0, size[0] * across, size[1] * down))


def expect(scheduler: Any, output: torch.Tensor, timestep: Any, sample: torch.Tensor) -> torch.Tensor | None:
    """The latents without noise that a model expects, x0; None for a kind of sampler that is not known here.

    With x = a x0 + s e, and the model's output v for what it was trained to say, scaled so that a^2 + s^2 = 1:

        epsilon        x0 = (x - s v) / a        Ho et al. 2020, Denoising diffusion probabilistic models, eq. 9
        v_prediction   x0 = a x - s v            Salimans and Ho 2022, Progressive distillation, appendix D
        sample         x0 = v
        flow           x0 = x - s v, a = 1 - s   Lipman et al. 2023, Flow matching for generative modeling

    Args:
        scheduler: the sampler, after its step.
        output: what its model returned, guided.
        timestep, sample: where the step began.
    """
    kind = type(scheduler).__name__
    said = scheduler.config.get("prediction_type", "epsilon")
    if kind.startswith("FlowMatch") or scheduler.config.get("use_flow_sigmas"):
        return sample.float() - _find_sigma(scheduler) * output.float()
    if not hasattr(scheduler, "alphas_cumprod") or said not in ("epsilon", "v_prediction", "sample"):
        return None
    signal, noise, scale = _find_level(scheduler, timestep)
    if said == "sample":
        return output.float()
    scaled = sample.float() / scale
    if said == "v_prediction":
        return signal * scaled - noise * output.float()
    return None if signal < 1e-3 else (scaled - noise * output.float()) / signal


def _find_level(scheduler: Any, timestep: Any) -> tuple[float, float, float]:
    """How much of a sample is signal, and how much noise, once it was divided by a scale, the third."""
    if hasattr(scheduler, "sigmas"):
        sigma = _find_sigma(scheduler)
        whole = (1 + sigma**2) ** 0.5
        # A sampler that begins with more than noise of variance one adds noise to the signal, and takes none of it away.
        return 1 / whole, sigma / whole, whole if float(scheduler.init_noise_sigma) > 1 else 1.0
    remaining = float(scheduler.alphas_cumprod[int(timestep)])
    return remaining**0.5, (1 - remaining) ** 0.5, 1.0


def _find_sigma(scheduler: Any) -> float:
    """The noise at which the step began that the sampler has just taken."""
    return float(scheduler.sigmas[scheduler.step_index - 1])


def unpack(pipeline: Any, latents: torch.Tensor, painted: tuple[int, int]) -> torch.Tensor | None:
    """A pipeline's latents as its autoencoder has them, of shape (channels, height, width), as before it decodes them.

    Args:
        latents: of shape (1, channels, height, width), or as patches of two by two cells (1, patches, 4 channels).
        painted: (width, height) in pixels.

    Returns:
        None for latents that are not those of a picture of such proportions.
    """
    autoencoder = pipeline.vae
    settings, norm = autoencoder.config, getattr(autoencoder, "bn", None)
    if latents.ndim == 3:
        across, down = _find_sides(latents.shape[1], painted[0] / painted[1])
        if abs(math.log(across / down * painted[1] / painted[0])) > MOST_ASTRAY:
            return None
        cells = latents[0].float().T
        if norm is not None:  # FLUX.2 normalises patches
            deviation = torch.sqrt(norm.running_var.to(cells) + settings.batch_norm_eps)
            cells = cells * deviation[:, None] + norm.running_mean.to(cells)[:, None]
        parts = cells.reshape(-1, 2, 2, down, across)  # (channels, row and column in a patch, height, width)
        cells = parts.permute(0, 3, 1, 4, 2).reshape(-1, 2 * down, 2 * across)
    elif latents.ndim == 4:
        cells = latents[0].float()
    else:
        return None
    if norm is not None:
        return cells
    mean, deviation = settings.get("latents_mean"), settings.get("latents_std")
    if mean is not None and deviation is not None:
        spread, middle = (torch.tensor(values).to(cells)[:, None, None] for values in (deviation, mean))
        return cells * spread / (settings.get("scaling_factor") or 1.0) + middle
    return cells / (settings.get("scaling_factor") or 1.0) + (settings.get("shift_factor") or 0.0)


def _find_sides(patches: int, ratio: float) -> tuple[int, int]:
    """How many patches lie beside and above each other, of so many in all, if their sides have about a ratio.

    Some families paint with a number of pixels of their own, and a ratio that is rounded.
    """
    pairs = [(patches // down, down) for down in range(1, patches + 1) if patches % down == 0]
    return min(pairs, key=lambda pair: abs(math.log(pair[0] / pair[1] / ratio)))


_learned: WeakKeyDictionary[torch.nn.Module, CellColors | None] = WeakKeyDictionary()


def learn_colors(autoencoder: Any, side: int) -> CellColors | None:
    """The colours of the cells of an autoencoder's latents: learned once for each; None where that does not go.

    Args:
        side: of a cell, in pixels.
    """
    if autoencoder not in _learned:
        try:
            _learned[autoencoder] = _learn(autoencoder, side)
        except Exception:  # whatever it is: without a preview the pass is as good
            _learned[autoencoder] = None
    return _learned[autoencoder]


def _learn(autoencoder: Any, side: int) -> CellColors | None:
    """Fits the colours of a picture of blocks to what the autoencoder makes of it, by least squares.

    Args:
        side: of a cell, in pixels.
    """
    known = np.random.default_rng(0).random((BLOCKS, BLOCKS, 3)).repeat(2, axis=0).repeat(2, axis=1)
    pixels = torch.from_numpy(known.repeat(side, axis=0).repeat(side, axis=1)).permute(2, 0, 1)[None].float() * 2 - 1
    if "z_dim" in autoencoder.config:
        pixels = pixels[:, :, None]  # of frames, of which there is one
    with torch.no_grad():
        encoded = _copy_to_host(autoencoder).encode(pixels)
    latents = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    cells = latents.numpy().reshape(latents.shape[1], -1)
    if cells.shape[1] != known.shape[0] * known.shape[1] or not np.isfinite(cells).all():
        return None
    factors, *_ = np.linalg.lstsq(np.vstack([cells, np.ones(cells.shape[1])]).T, known.reshape(-1, 3), rcond=None)
    return CellColors(factors[:-1].astype(np.float32), factors[-1].astype(np.float32))


def _copy_to_host(autoencoder: Any) -> Any:
    """A copy in the host's memory and in float32: what a device has may be just enough for the pass, and half floats overflow."""
    with torch.device("meta"):
        copy = type(autoencoder).from_config(autoencoder.config)
    parts = autoencoder.state_dict()
    if any(part.is_meta for part in parts.values()):  # offload hooks have them
        parts = get_state_dict_offloaded_model(autoencoder)
    copy.load_state_dict({name: part.cpu().float() for name, part in parts.items()}, assign=True)
    return copy.eval()
