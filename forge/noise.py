"""The noise schedule: how a picture's latents and noise mix at a timestep, and what the network has to predict."""

import torch
from diffusers import DDPMScheduler
from torch import Tensor


class Noising:
    """Mixes latents with noise, for timesteps from 0 (almost clean) to the last (noise alone)."""

    def __init__(self, settings: dict, device: torch.device) -> None:
        alphas = DDPMScheduler(**settings).alphas_cumprod.to(device)
        self.signal, self.noise = alphas.sqrt(), (1 - alphas).sqrt()
        self.count = len(alphas)

    def times(self, count: int) -> Tensor:
        """Draw timesteps: half in the noisy half, where layouts are decided, many low, where edges become straight."""
        bell = torch.sigmoid(torch.randn(count) * 0.9 + 0.9)
        low = 0.35 * torch.rand(count) ** 1.5
        pick, share = torch.rand(count), torch.rand(count)
        share = torch.where(pick < 0.45, bell, torch.where(pick < 0.82, low, share))
        share = torch.where(pick > 0.96, torch.ones(()), share)
        return (share * self.count).long().clamp(0, self.count - 1).to(self.signal.device)

    def mix(self, latents: Tensor, noise: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        """Return the noisy latents at `times`, and the velocity that the network has to predict for them."""
        signal, amount = self.signal[times, None, None, None], self.noise[times, None, None, None]
        return signal * latents + amount * noise, signal * noise - amount * latents
