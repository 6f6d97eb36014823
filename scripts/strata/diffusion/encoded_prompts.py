"""Encoded prompts, kept on the host: another seed, or the same prompt in another pass, encodes nothing again.

Every pipeline encodes its prompts by `encode_prompt`. For the time of a pass a pipeline gets one that remembers. What it returns
are the same numbers: tensors go to the host and back unchanged.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_map

MOST_BYTES = 256_000_000
"""Of the prompts of one pipeline. One of a large text encoder takes 4 MB."""

PLAIN = (str, int, float, bool, type(None))


class EncodedPrompts:
    """What one pipeline has encoded, the longest unused first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._bytes = 0

    @contextmanager
    def lent_to(self, pipeline: Any, weights: object) -> Iterator[None]:
        """Has a pipeline look here before it encodes.

        Args:
            weights: what was laid over the weights of its encoders for the moment, as plain values.
        """
        encode = getattr(pipeline, "encode_prompt", None)
        if encode is None:
            yield
            return

        def encode_once(*arguments: Any, **named: Any) -> Any:
            key = _describe([weights, arguments, named])
            if key is None:
                return encode(*arguments, **named)
            if key not in self._kept:
                self._keep(key, encode(*arguments, **named))
            self._kept.move_to_end(key)
            # Copies: what a pipeline does to its own must not come back with the next pass.
            return tree_map(lambda part: part.bring() if isinstance(part, Held) else part, self._kept[key])

        pipeline.encode_prompt = encode_once
        try:
            yield
        finally:
            del pipeline.encode_prompt

    def _keep(self, key: str, encoded: Any) -> None:
        self._kept[key] = tree_map(lambda part: Held(part) if isinstance(part, torch.Tensor) else part, encoded)
        self._bytes += _count_bytes(encoded)
        while self._bytes > MOST_BYTES and len(self._kept) > 1:
            self._bytes -= _count_bytes(self._kept.popitem(last=False)[1])


class Held:
    """A tensor on the host, and the device that it belongs on."""

    def __init__(self, tensor: torch.Tensor):
        self.device = tensor.device
        self.tensor = tensor.detach().to("cpu", copy=True)

    def bring(self) -> torch.Tensor:
        """A copy on its device."""
        return self.tensor.to(self.device, copy=True)


def _describe(value: object) -> str | None:
    """Arguments as text; None where some are no plain values, such as pictures that are encoded with the prompt."""
    parts = tree_flatten(value)[0]
    if any(not isinstance(part, (*PLAIN, torch.device, torch.dtype)) for part in parts):
        return None
    return json.dumps(value, sort_keys=True, default=str)


def _count_bytes(encoded: Any) -> int:
    tensors = (part.tensor if isinstance(part, Held) else part for part in tree_flatten(encoded)[0])
    return sum(tensor.nbytes for tensor in tensors if isinstance(tensor, torch.Tensor))
