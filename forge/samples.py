"""Batches for training, made from the stored data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from forge.latents import DETAIL_SCALE, LUMA, from_bytes


@dataclass(frozen=True)
class Batch:
    """What one update learns from.

    `latents` and `condition` are (batch, channels, height, width); `concepts` is (batch, slots), on the CPU; `weight` scales
    the loss of each cell. The condition of an inpainting batch is the mask and the masked picture.
    """

    latents: Tensor
    concepts: Tensor
    condition: Tensor | None = None
    weight: Tensor | float = 1.0


def halved(latents: Tensor) -> Tensor:
    """Return latents of a picture at half the resolution: cells merged two by two, as the encoder would see them."""
    color = latents[:, :3]
    luma = (color * torch.tensor(LUMA, device=color.device)[:, None, None]).sum(1, keepdim=True)
    rows = torch.nn.functional.avg_pool2d(luma, (1, 2))
    detail = (rows[:, :, 0::2] - rows[:, :, 1::2]) * (DETAIL_SCALE / 2)
    return torch.cat([torch.nn.functional.avg_pool2d(color, 2), detail], 1)


def cut(stack: Tensor, mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut a window of `size`, (width, height), from each sample at random, round its mask (batch, 1, height, width)."""
    if stack.shape[2:] == (size[1], size[0]):
        return stack
    parts = []
    for sample, shown in zip(stack, mask[:, 0] > 0.5, strict=True):
        window = []
        for length, wanted, line in ((stack.shape[2], size[1], shown.any(1)), (stack.shape[3], size[0], shown.any(0))):
            ends = line.nonzero()
            low = max(0, int(ends.max()) + 1 - wanted)
            high = max(low, min(int(ends.min()), length - wanted))
            first = min(int(torch.randint(low, high + 1, ())), length - wanted)
            window.append(slice(first, first + wanted))
        parts.append(sample[:, window[0], window[1]])
    return torch.stack(parts)


def weights(mask: Tensor) -> Tensor:
    """Return how much each cell's error counts, (batch, 1, height, width), for masks of that shape.

    Inside the mask most; on its two outermost rows of cells twice as much again, since there the painting has to meet the
    plate: an error in the colour of so smooth a part is small, but the eye sees it as a halo.
    """
    inner = 1 - torch.nn.functional.max_pool2d(1 - mask, 5, stride=1, padding=2)
    return 0.2 + 1.6 * mask + 3.2 * (mask - inner)


def contrast_weights(latents: Tensor) -> Tensor:
    """Return how much each cell's error counts, (batch, 1, height, width), with a mean of 1, for clean latents.

    Up to three times as much where neighbouring cells differ: at suns, their rims, at ridges. These are few, and an even
    sky would outvote them. An error there is also what the eye sees first.
    """
    luma = (latents[:, :3] * torch.tensor(LUMA, device=latents.device)[:, None, None]).sum(1, keepdim=True)
    brightest = torch.nn.functional.max_pool2d(luma, 3, stride=1, padding=1)
    darkest = -torch.nn.functional.max_pool2d(-luma, 3, stride=1, padding=1)
    weights = 1 + 2 * ((brightest - darkest) / 0.5).clamp(max=1)
    return weights / weights.mean()


class Landscapes:
    """Landscapes and fog for the text-to-image model, mirrored at random."""

    def __init__(self, folder: Path) -> None:
        self.latents = torch.from_numpy(np.load(folder / "latents.npy"))
        self.concepts = torch.from_numpy(np.load(folder / "concepts.npy"))

    def batch(self, count: int, size: tuple[int, int], device: torch.device) -> Batch:
        """Draw a batch at `size`, (width, height) in cells: the data's own size, or that halved once or more."""
        picks = torch.randint(len(self.latents), (count,))
        latents = from_bytes(self.latents[picks].to(device).float())
        latents = torch.where(torch.rand(count, 1, 1, 1, device=device) < 0.5, latents, latents.flip(3))
        while latents.shape[3] > size[0]:
            latents = halved(latents)
        if latents.shape[2:] != (size[1], size[0]):
            raise ValueError(f"The stored landscapes cannot be halved to {size[0]} x {size[1]} cells.")
        return Batch(latents, self.concepts[picks], weight=contrast_weights(latents))


class Subjects:
    """Subjects in masks for the inpainting model, mirrored at random."""

    PLATE_NOISE = 0.02
    """Deviation of the noise on the plate: in use it was painted by a model, not drawn."""

    def __init__(self, folder: Path) -> None:
        self.latents = torch.from_numpy(np.load(folder / "latents.npy"))
        self.plate = torch.from_numpy(np.load(folder / "plate.npy"))
        self.mask = torch.from_numpy(np.load(folder / "mask.npy"))
        self.concepts = torch.from_numpy(np.load(folder / "concepts.npy"))

    def batch(self, count: int, size: tuple[int, int], device: torch.device) -> Batch:
        """Draw a batch of windows of `size`, (width, height) in cells, cut from the stored parts so that the mask is inside.

        Both sides of a size at most half the stored ones: the whole picture is halved instead.
        """
        picks = torch.randint(len(self.latents), (count,))
        latents, plate = (from_bytes(stored[picks].to(device).float()) for stored in (self.latents, self.plate))
        mask = self.mask[picks].to(device).float()
        mirrored = torch.rand(count, 1, 1, 1, device=device) < 0.5
        latents, plate, mask = (torch.where(mirrored, x.flip(3), x) for x in (latents, plate, mask))
        halve = 2 * size[0] <= latents.shape[3] and 2 * size[1] <= latents.shape[2]
        if halve:
            latents, plate, mask = halved(latents), halved(plate), mask[:, :, ::2, ::2]
        latents, plate, mask = cut(torch.cat([latents, plate, mask], 1), mask, size).split([4, 4, 1], 1)
        plate = plate + self.PLATE_NOISE * torch.randn_like(plate) * torch.rand(count, 1, 1, 1, device=device)
        weight = weights(mask) * contrast_weights(latents)
        return Batch(latents, self.concepts[picks], torch.cat([mask, plate], 1), weight)


SOURCES = {"text_to_image": Landscapes, "inpainting": Subjects}
