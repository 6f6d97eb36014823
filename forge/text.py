"""The text side: a concept's vector, and a tokenizer and a CLIP text encoder that turn words into those vectors.

Nothing here is learned. Concept vectors are rows of a Hadamard matrix: +1 and -1 in equal number, orthogonal to each other, and
left exactly as they are by the text encoder's last layer norm. A token without meaning is the zero vector.
"""

from itertools import pairwise

import torch
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from forge.vocabulary import NAMES, NUMBER, PLAIN_WORDS, WORDS

START, END, END_OF_WORD = "<|startoftext|>", "<|endoftext|>", "</w>"


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


def concepts_missing_in(rows: Tensor) -> Tensor:
    """Return the numbers of the concepts that no row of concepts holds."""
    return torch.tensor([number for number in range(1, len(NAMES) + 1) if not (rows == number).any()])


def random_captions(
    rows: Tensor, tokens: int, strays: Tensor, drop_all: float, drop_one: float, kept: list[str], stray: float
) -> Tensor:
    """Make captions, as concept numbers (batch, tokens), from rows of concepts (batch, slots).

    Order means nothing to the models, so a caption is the concepts that were kept, some of them twice, and else words without
    meaning. A share `stray` of the captions names one of the concepts `strays` as well, which pictures of this kind never
    show: the model learns to pass over it. The concepts `kept` are left out with all others or not at all, so that a caption
    without them means a picture without them.
    """
    count, slots = rows.shape
    fixed = torch.tensor([NUMBER[name] for name in kept], dtype=torch.long)
    keep = (torch.rand(rows.shape) >= drop_one) | torch.isin(rows.long(), fixed)
    keep &= torch.rand(count, 1) >= drop_all
    named = rows.long() * keep
    captions = torch.zeros(count, tokens, dtype=torch.long)
    captions[:, :slots] = named
    captions[:, slots : 2 * slots] = named * (torch.rand(rows.shape) < 0.15)
    if len(strays):
        picked = strays[torch.randint(len(strays), (count,))]
        captions[:, 2 * slots] = picked * (named.any(1) & (torch.rand(count) < stray))
    return captions


def make_tokenizer(tokens: int) -> CLIPTokenizer:
    """Make a tokenizer that knows every listed word as one token and spells out all others.

    Byte-pair merges are built word by word: each word's missing merges go to the end of the list, where they cannot disturb the
    words before.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [*alphabet, *(letter + END_OF_WORD for letter in alphabet)]
    merges: list[tuple[str, str]] = []
    ranks: dict[tuple[str, str], int] = {}
    for word in (*WORDS, *PLAIN_WORDS):
        parts = [*word[:-1], word[-1] + END_OF_WORD]
        while len(parts) > 1:
            known = [(ranks[pair], at) for at, pair in enumerate(pairwise(parts)) if pair in ranks]
            at = min(known)[1] if known else 0
            pair = (parts[at], parts[at + 1])
            if not known:
                ranks[pair] = len(merges)
                merges.append(pair)
                pieces.append("".join(pair))
            parts[at : at + 2] = ["".join(pair)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys([*pieces, START, END]))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=tokens)


def make_text_encoder(tokenizer: CLIPTokenizer, width: int) -> CLIPTextModel:
    """Make a CLIP text encoder that gives each token its concept's vector, whatever stands around it."""
    vocabulary = tokenizer.get_vocab()
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=width,
        projection_dim=width,
        num_hidden_layers=1,
        num_attention_heads=1,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = CLIPTextModel(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0 if "norm" in name and name.endswith("weight") else 0.0)
        table = concept_table(width)
        embedding = model.get_input_embeddings()
        for word, number in WORDS.items():
            embedding.weight[vocabulary[word + END_OF_WORD]] = table[number]
    return model
