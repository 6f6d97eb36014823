"""Small classifiers that learn from drawn pictures, to judge painted ones."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from forge.latents import CHANNELS, from_bytes
from forge.vocabulary import NUMBER


@dataclass(frozen=True)
class Classifier:
    """A trained network with one group of classes for each question, and how often it is right on drawn pictures."""

    network: nn.Module
    questions: dict[str, tuple[str, ...]]
    accuracy: dict[str, float]

    @torch.no_grad()
    def __call__(self, cells: np.ndarray) -> dict[str, str]:
        """Answer each question for one picture's latents (4, height, width)."""
        answers = self.network(torch.from_numpy(cells)[None]).split(
            [len(names) for names in self.questions.values()], 1
        )
        return {
            question: names[int(scores.argmax())]
            for (question, names), scores in zip(self.questions.items(), answers, strict=True)
        }


class _Pool(nn.Module):
    """Means and maxima of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


def labels(rows: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return for each row of concepts which one of `names` it holds; the first name stands for none of the others."""
    found = np.zeros(len(rows), np.int64)
    for index, name in enumerate(names):
        if name in NUMBER:
            found[(rows == NUMBER[name]).any(1)] = index
    return found


def train(
    cells: np.ndarray, rows: np.ndarray, questions: dict[str, tuple[str, ...]], epochs: int, seed: int
) -> Classifier:
    """Train on stored latents (count, 4, height, width) and their concepts; a tenth of them measures the accuracy."""
    torch.manual_seed(seed)
    total = sum(len(names) for names in questions.values())
    widths = (CHANNELS, 32, 48, 64, 96)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Conv2d(96, 96, 3, padding=1), nn.ReLU(), _Pool(), nn.Linear(192, total))
    pictures, truths = torch.from_numpy(cells), [torch.from_numpy(labels(rows, names)) for names in questions.values()]
    sizes = [len(names) for names in questions.values()]
    held = len(pictures) // 10
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    steps = epochs * (len(pictures) - held) // 64
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        picks = torch.randint(held, len(pictures), (64,))
        batch = from_bytes(pictures[picks].float())
        batch = torch.where(torch.rand(64, 1, 1, 1) < 0.5, batch, batch.flip(3)) + 0.02 * torch.randn_like(batch)
        scores = network(batch).split(sizes, 1)
        loss = sum(cross_entropy(score, truth[picks]) for score, truth in zip(scores, truths, strict=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    network.eval()
    with torch.no_grad():
        scores = torch.cat([network(from_bytes(part.float())) for part in pictures[:held].split(64)]).split(sizes, 1)
    right = {
        question: float((score.argmax(1) == truth[:held]).float().mean())
        for question, score, truth in zip(questions, scores, truths, strict=True)
    }
    return Classifier(network, questions, right)
