"""The noise schedule: how a picture's latents and noise mix at a timestep, and what the network has to predict."""

import torch
from diffusers import DDIMScheduler
from torch import Tensor


class Noising:
    """Mixes latents with noise, for timesteps from 0 (almost clean) to the last (noise alone)."""

    def __init__(self, settings: dict, device: torch.device) -> None:
        alphas = DDIMScheduler(**settings).alphas_cumprod.to(device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        self.count = len(alphas)

    def times(self, count: int) -> Tensor:
        """Draw timesteps: a bell round the noisy half, where layouts are decided, some everywhere, some last."""
        bell = torch.sigmoid(torch.randn(count) * 1.1 + 0.5)
        share = torch.where(torch.rand(count) < 0.4, torch.rand(count), bell)
        share = torch.where(torch.rand(count) < 0.04, torch.ones(()), share)
        return (share * self.count).long().clamp(0, self.count - 1).to(self.signal.device)

    def mix(self, latents: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noisy latents at `times`, and the velocity that the network has to predict for them."""
        signal, amount = self.signal[times, None, None, None], self.noise[times, None, None, None]
        return signal * latents + amount * noise, signal * noise - amount * latents
