"""Judges: small classifiers that learn from drawn pictures, to tell what painted ones show."""

import argparse
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from forge import settings
from forge.data import landscape_sample, subject_sample
from forge.latents import CHANNELS, from_bytes
from forge.scenes import LANDSCAPES, LIGHTS, TIMES
from forge.subjects import COLORS, KINDS
from forge.vocabulary import NUMBER

CELLS = (48, 32)
QUESTIONS: dict[str, dict[str, tuple[str, ...]]] = {
    "landscapes": {"time": TIMES, "landscape": LANDSCAPES, "light": LIGHTS},
    "subjects": {"kind": tuple(KINDS), "color": tuple(COLORS)},
}
FIRST_SEED = 10**6
"""Judges learn from pictures that no model learned from: those of seeds from here on."""


@dataclass(frozen=True)
class Judge:
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


def make_network(questions: dict[str, tuple[str, ...]]) -> nn.Sequential:
    """Make an untrained network that scores every answer to every question, for latents of any size."""
    widths = (CHANNELS, 32, 48, 64, 96)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
    total = sum(len(names) for names in questions.values())
    return nn.Sequential(*layers, nn.Conv2d(96, 96, 3, padding=1), nn.ReLU(), _Pool(), nn.Linear(192, total))


def train(cells: np.ndarray, rows: np.ndarray, questions: dict[str, tuple[str, ...]], epochs: int) -> Judge:
    """Train on stored latents (count, 4, height, width) and their concepts; a tenth of them measures the accuracy."""
    truths = np.stack([labels(rows, names) for names in questions.values()], 1)
    network, right = fit(cells, truths, questions, epochs, held=len(cells) // 10)
    return Judge(network, questions, right)


def fit(
    cells: np.ndarray, truths: np.ndarray, questions: dict[str, tuple[str, ...]], epochs: int, held: int
) -> tuple[nn.Module, dict[str, float]]:
    """Train a network on stored latents but for the first `held`; return it, and how often it is right on those.

    `truths` are the numbers of the answers, (count, questions).
    """
    torch.manual_seed(1)
    network = make_network(questions)
    pictures, answers = torch.from_numpy(cells), torch.from_numpy(truths)
    sizes = [len(names) for names in questions.values()]
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    steps = max(1, epochs * (len(pictures) - held) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(steps):
        picks = torch.randint(held, len(pictures), (64,))
        batch = from_bytes(pictures[picks].float())
        batch = torch.where(torch.rand(64, 1, 1, 1) < 0.5, batch, batch.flip(3)) + 0.02 * torch.randn_like(batch)
        scores = network(batch).split(sizes, 1)
        loss = sum(cross_entropy(score, truth) for score, truth in zip(scores, answers[picks].T, strict=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    network.eval()
    with torch.no_grad():
        scores = torch.cat([network(from_bytes(part.float())) for part in pictures[:held].split(64)]).split(sizes, 1)
    right = {
        question: float((score.argmax(1) == truth).float().mean())
        for question, score, truth in zip(questions, scores, answers[:held].T, strict=True)
    }
    return network, right


def tell_apart(painted: np.ndarray, drawn: np.ndarray) -> float:
    """Return how often a judge that saw half of the stored latents knows of the other half which were painted: 0.5 is a guess.

    Both are (count, 4, height, width), the same scenes in the same order.
    """
    pairs = np.stack([painted, drawn], 1).reshape(-1, *painted.shape[1:])
    truths = np.tile([[1], [0]], (len(painted), 1))
    epochs = 40  # some hundred pictures are few
    _, right = fit(pairs, truths, {"painted": ("no", "yes")}, epochs, held=len(painted) // 2 * 2)
    return right["painted"]


def cut_out(cells: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the part of stored latents (4, height, width) round a mask, stretched to 24 x 24 cells."""
    ys, xs = np.nonzero(mask)
    part = torch.from_numpy(cells[:, ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(np.float32))[None]
    return torch.nn.functional.interpolate(part, (24, 24), mode="bilinear")[0].round().byte().numpy()


def train_all(count: int) -> dict[str, Judge]:
    """Train a judge of landscapes and one of subjects, each on `count` drawn pictures."""
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    drawn = [landscape_sample((seed, *CELLS)) for seed in seeds]
    drawn = [(cells, row) for cells, row in drawn if NUMBER["fog"] not in row]
    landscapes = train(*(np.stack(parts) for parts in zip(*drawn, strict=True)), QUESTIONS["landscapes"], 12)
    drawn = [(cut_out(painted, mask[0]), row) for painted, _, mask, row in (subject_sample((s, *CELLS)) for s in seeds)]
    subjects = train(*(np.stack(parts) for parts in zip(*drawn, strict=True)), QUESTIONS["subjects"], 12)
    return {"landscapes": landscapes, "subjects": subjects}


def load(path: Path) -> dict[str, Judge]:
    """Read the judges that `main` wrote."""
    judges = {}
    for name, stored in torch.load(path, weights_only=True).items():
        network = make_network(QUESTIONS[name])
        network.load_state_dict(stored["weights"])
        judges[name] = Judge(network.eval(), QUESTIONS[name], stored["accuracy"])
    return judges


def main() -> None:
    """Train the judges of the evaluation on drawn pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--settings", type=Path, required=True)
    args = parser.parse_args()
    judges = train_all(settings.load(args.settings)["judges"]["count"])
    for name, judge in judges.items():
        print(name, judge.accuracy)
    torch.save(
        {name: {"weights": judge.network.state_dict(), "accuracy": judge.accuracy} for name, judge in judges.items()},
        args.output,
    )


if __name__ == "__main__":
    main()
