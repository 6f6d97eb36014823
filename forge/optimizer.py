"""The optimiser: orthogonalised momentum (Muon) for inner weight matrices, AdamW for the rest, and a moving average."""

import torch
from torch import Tensor, nn


def _orthogonalized(matrix: Tensor) -> Tensor:
    """Return the nearest matrix with orthogonal rows or columns, roughly: five Newton-Schulz steps in bfloat16."""
    x = matrix.bfloat16()
    wide = x if x.shape[0] <= x.shape[1] else x.T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(5):
        gram = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * gram + 2.0315 * gram @ gram) @ wide
    return (wide if x.shape[0] <= x.shape[1] else wide.T).float()


class Muon(torch.optim.Optimizer):
    """Momentum whose update has only singular values near one. Convolutions count as matrices, one row an output channel."""

    def __init__(self, parameters: list[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Apply one update from the gradients at hand."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(momentum, group["momentum"])
                rows = update.shape[0]
                update = _orthogonalized(update.reshape(rows, -1)).reshape(parameter.shape)
                scale = max(1.0, rows / (parameter.numel() / rows)) ** 0.5
                parameter.add_(update, alpha=-group["lr"] * scale)


class Optimizer:
    """Both optimisers and the moving average of the weights, as one thing to step, save and load."""

    OUTER = ("conv_in", "conv_out", "time_embedding", "norm")
    """Parts of parameter names that AdamW takes although they are matrices; of a UNet."""

    def __init__(
        self, model: nn.Module, matrix_rate: float, vector_rate: float, ema: float, outer: tuple[str, ...] = OUTER
    ) -> None:
        inner, rest = [], []
        for name, parameter in model.named_parameters():
            is_inner = parameter.ndim >= 2 and not any(part in name for part in outer)
            (inner if is_inner else rest).append(parameter)
        self.parts = [
            Muon(inner, lr=matrix_rate),
            torch.optim.AdamW(rest, lr=vector_rate, betas=(0.9, 0.98), weight_decay=0.0, foreach=True),
        ]
        self.rates = (matrix_rate, vector_rate)
        self.model = model
        self.average = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
        self.ema = ema
        self.steps = 0

    def step(self, rate: float) -> None:
        """Update the weights with both base rates times `rate`, then the average, then clear the gradients."""
        for part, base in zip(self.parts, self.rates, strict=True):
            for group in part.param_groups:
                group["lr"] = base * rate
            part.step()
            part.zero_grad(set_to_none=True)
        self.steps += 1
        keep = min(self.ema, self.steps / (self.steps + 10))
        with torch.no_grad():
            weights = self.model.state_dict()
            torch._foreach_lerp_(list(self.average.values()), [weights[name] for name in self.average], 1 - keep)

    def state_dict(self) -> dict:
        """Return everything that a resumed run needs besides the weights."""
        return {"parts": [part.state_dict() for part in self.parts], "average": self.average, "steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        """Take over what `state_dict` returned."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        self.average, self.steps = state["average"], state["steps"]
