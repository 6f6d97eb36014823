"""What every training has in common: the device, checkpoints that are whole or absent, and lines of progress."""

import time
from pathlib import Path

import torch

CHECKPOINT_SECONDS = 120
LINE_SECONDS = 20


def pick_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is CUDA where there is one."""
    return torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)


def save(path: Path, state: dict) -> None:
    """Write a checkpoint whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    torch.save(state, draft)
    draft.replace(path)


def load(path: Path, device: torch.device) -> dict | None:
    """Return a checkpoint's state, or None where there is none yet."""
    return torch.load(path, weights_only=True, map_location=device) if path.exists() else None


class Progress:
    """Prints how a training goes, and tells when its next checkpoint is due."""

    def __init__(self, checkpoint: Path) -> None:
        self.name = checkpoint.stem
        self.saved = self.told = time.time()
        self.seen, self.losses = 0, []

    def note(self, step: int, loss: float, batch: int) -> bool:
        """Take note of one update; return whether to write a checkpoint now."""
        self.seen, now = self.seen + batch, time.time()
        self.losses.append(loss)
        if now - self.told > LINE_SECONDS:
            mean, speed = sum(self.losses) / len(self.losses), self.seen / (now - self.told)
            print(f"{self.name}: step {step}, loss {mean:.4f}, {speed:.1f} samples/s", flush=True)
            self.told, self.seen, self.losses = now, 0, []
        if now - self.saved > CHECKPOINT_SECONDS:
            self.saved = now
            return True
        return False
