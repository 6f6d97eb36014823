"""How strongly a pass attends to its reference."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def with_reference_weight(pipeline: Any, weight: float) -> Iterator[None]:
    """Multiplies the attention that a pipeline's transformer pays to its reference.

    FLUX.1 Kontext and FLUX.2 klein read pictures as further tokens of the sequence that they denoise. Each attention weighs token k
    by exp(q k); here the reference's tokens weigh `weight` times as much, before all weights are brought to a sum of one. That is the
    same as log(weight) added to their logits.

    Args:
        weight: 0 or more. 0 hides the reference, 1 changes nothing.
    """

    def add_bias(transformer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        tokens, text = kwargs["hidden_states"], kwargs["encoder_hidden_states"]
        bias = torch.zeros(1, 1, 1, text.shape[1] + tokens.shape[1], dtype=tokens.dtype, device=tokens.device)
        bias[..., text.shape[1] :].masked_fill_(_find_reference(kwargs["img_ids"]), logit)
        given = kwargs.get("joint_attention_kwargs") or {}
        return args, kwargs | {"joint_attention_kwargs": given | {"attention_mask": bias}}

    logit = math.log(weight) if weight else -math.inf
    hook = pipeline.transformer.register_forward_pre_hook(add_bias, with_kwargs=True)
    try:
        yield
    finally:
        hook.remove()


def _find_reference(positions: torch.Tensor) -> torch.Tensor:
    """Which tokens show the reference; bool, shape (tokens,).

    The first number of a token's position, shape (tokens, 3 or 4) or with a batch before it, says which picture it is part of: 0 for
    the one that is denoised, then the plate where the family sees one, and the reference last.
    """
    pictures = (positions[0] if positions.ndim == 3 else positions)[:, 0]
    return pictures == pictures.max()
