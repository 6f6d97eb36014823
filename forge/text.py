"""The text side: a concept's vector, and a tokenizer and a CLIP text encoder that turn words into those vectors.

Nothing here is learned. Concept vectors are rows of a Hadamard matrix: +1 and -1 in equal number, orthogonal to each other, and
left exactly as they are by the text encoder's last layer norm. A token without meaning is the zero vector.
"""

import torch
from torch import Tensor

from forge.vocabulary import NAMES


def concept_table(width: int) -> Tensor:
    """Return the vectors of all concepts by number, float32 (concepts + 1, width); row 0 is the zero vector."""
    if len(NAMES) >= width:
        raise ValueError(f"{len(NAMES)} concepts do not fit in vectors of width {width}: use a larger power of two.")
    hadamard = torch.ones(1, 1)
    while len(hadamard) < width:
        hadamard = torch.cat([torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)])
    table = hadamard[: len(NAMES) + 1].clone()
    table[0] = 0
    return table


def random_captions(rows: Tensor, tokens: int, drop_all: float, drop_one: float, generator: torch.Generator | None = None) -> Tensor:
    """Make captions, as concept numbers (batch, tokens), from rows of concepts (batch, slots).

    Order means nothing to the models, so a caption is the concepts that were kept, some of them twice, and else words without
    meaning.
    """
    keep = torch.rand(rows.shape, generator=generator) >= drop_one
    keep &= torch.rand(len(rows), 1, generator=generator) >= drop_all
    kept = rows.long() * keep
    again = kept * (torch.rand(rows.shape, generator=generator) < 0.15)
    captions = torch.zeros(len(rows), tokens, dtype=torch.long)
    captions[:, : rows.shape[1]] = kept
    captions[:, rows.shape[1] : 2 * rows.shape[1]] = again
    return captions
