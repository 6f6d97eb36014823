"""The autoencoder: an encoder that is set by hand, and a decoder that learns to draw sharp pictures from its cells."""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss, max_pool2d, pad

from forge import latents, settings
from forge.checkpoints import Progress, load, pick_device, save
from forge.optimizer import Optimizer

ENCODER_WIDTH = 8

SHARPEST, MEAN_STEP = 1.2, 2.0
"""How much the largest and the mean step in a window count, beside the error of each pixel."""


def make_autoencoder(cell: int, width: int, blocks: list[int]) -> AutoencoderTiny:
    """Make the autoencoder for cells of `cell` pixels: its encoder exact, its decoder not trained yet.

    The decoder is `width` channels wide, with `blocks` residual blocks at each size from the cells' to the picture's.
    """
    levels = cell.bit_length()
    if cell != 1 << (levels - 1) or len(blocks) != levels:
        raise ValueError(f"Cells of {cell} pixels need a power of two and {levels} numbers of blocks, not {blocks}.")
    model = AutoencoderTiny(
        encoder_block_out_channels=(ENCODER_WIDTH,) * levels,
        decoder_block_out_channels=(width,) * levels,
        num_encoder_blocks=(0,) * levels,
        num_decoder_blocks=tuple(blocks),
        latent_channels=latents.CHANNELS,
        scaling_factor=1.0,
    )
    set_encoder(model.encoder)
    set_decoder_start(model.decoder)
    return model


@torch.no_grad()
def set_encoder(encoder: nn.Module) -> None:
    """Give the encoder the weights that make it compute `forge.latents.encode`.

    Its layers are a 3 x 3 convolution, others of stride 2, and a last one, without anything between them. Each stride halves
    the picture by means of 2 x 2 pixels; the last of them keeps the means of a cell's upper and lower half apart.
    """
    first, *halvings, split, last = encoder.layers
    for layer in encoder.layers:
        layer.weight.zero_()
        if layer.bias is not None:
            layer.bias.zero_()
    for channel in range(3):
        first.weight[channel, channel, 1, 1] = 1
        for layer in halvings:
            layer.weight[channel, channel, 1:, 1:] = 0.25
        split.weight[channel, channel, 1, 1:] = 0.5  # the upper half
        split.weight[channel + 3, channel, 2, 1:] = 0.5  # the lower half
        last.weight[channel, [channel, channel + 3], 1, 1] = 1.0  # twice the mean, as pictures come from 0 to 1
        last.bias[channel] = -1
        last.weight[3, channel, 1, 1] = latents.LUMA[channel] * latents.DETAIL_SCALE
        last.weight[3, channel + 3, 1, 1] = -latents.LUMA[channel] * latents.DETAIL_SCALE
    encoder.requires_grad_(False)


@torch.no_grad()
def set_decoder_start(decoder: nn.Module) -> None:
    """Let the decoder begin as one that paints each cell in its mean colour, so that it learns only what differs from that."""
    convolutions = [layer for layer in decoder.layers if isinstance(layer, nn.Conv2d)]
    first, *inner, last = convolutions
    first.weight[:3], first.bias[:3] = 0, 0.5
    last.weight.mul_(0.1)
    last.bias.zero_()
    for channel in range(3):
        first.weight[channel, channel, 1, 1] = 0.5
        last.weight[channel] = 0
        for layer in inner:
            layer.weight[channel] = 0
            layer.weight[channel, channel, 1, 1] = 1
        last.weight[channel, channel, 1, 1] = 1
    for layer in decoder.layers:
        if hasattr(layer, "conv"):
            layer.conv[-1].weight[:3], layer.conv[-1].bias[:3] = 0, 0


def decoder_loss(drawn: Tensor, decoded: Tensor) -> Tensor:
    """The mean error of colours and of the steps between neighbouring pixels, and how much sharpness is missing.

    Where cells leave open on which pixel an edge lies, the first two are smallest for a soft edge. So in each window of 8 x 8 pixels
    the largest and the mean step are compared, too, wherever in it they are.
    """
    loss = l1_loss(decoded, drawn)
    for dim in (2, 3):
        steps, wanted = decoded.diff(dim=dim), drawn.diff(dim=dim)
        loss = loss + l1_loss(steps, wanted)
        steps, wanted = (part.abs().mean(1, keepdim=True) for part in (steps, wanted))
        loss = loss + SHARPEST * l1_loss(max_pool2d(steps, 8, 4), max_pool2d(wanted, 8, 4))
        loss = loss + MEAN_STEP * l1_loss(avg_pool2d(steps, 8, 4), avg_pool2d(wanted, 8, 4))
    return loss


def spoil(cells: Tensor, own: dict) -> Tensor:
    """Cells as a diffusion model leaves them: half of the pictures blurred a little, and all with a little noise."""
    count = len(cells)
    share = torch.rand(count, 1, 1, 1) * (torch.rand(count, 1, 1, 1) < 0.5)
    blurred = avg_pool2d(pad(cells, (1, 1, 1, 1), mode="replicate"), 3, 1)
    cells = cells.lerp(blurred, (own["blur"] * share).to(cells.device))
    return cells + torch.randn_like(cells) * own["noise"] * torch.rand(count, 1, 1, 1, device=cells.device)


def cut_squares(pictures: np.ndarray, count: int, side: int, cell: int, rng: np.random.Generator) -> Tensor:
    """Cut squares of `side` pixels from pictures at random, on whole cells, mirrored at random: (count, 3, side, side), -1 to 1."""
    height, width = pictures.shape[1:3]
    squares = []
    for _ in range(count):
        top, left = (cell * rng.integers((length - side) // cell + 1) for length in (height, width))
        square = pictures[rng.integers(len(pictures)), top : top + side, left : left + side]
        squares.append(square[:, ::-1] if rng.random() < 0.5 else square)
    drawn = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2) / 127.5 - 1
    return drawn.contiguous(memory_format=torch.channels_last)


def train(chosen: dict, pictures: np.ndarray, checkpoint: Path) -> dict[str, Tensor]:
    """Train the decoder on squares of pictures; resume where the checkpoint stands. Returns the averaged weights."""
    own, device = chosen["decoder"], pick_device(chosen["device"])
    torch.manual_seed(chosen["seed"])
    model = make_autoencoder(own["cell"], own["width"], own["blocks"]).to(device, memory_format=torch.channels_last)
    last = len(model.decoder.layers) - 1
    optimizer = Optimizer(
        model.decoder, own["matrix_rate"], own["vector_rate"], own["ema"], outer=("layers.0.", f"layers.{last}.")
    )
    state, progress = load(checkpoint, device), Progress(checkpoint)
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    for step in range(state["step"] if state else 0, own["steps"]):
        torch.manual_seed(chosen["seed"] * 1_000_003 + step)
        rng = np.random.default_rng([chosen["seed"], step])
        drawn = cut_squares(pictures, own["batch"], own["square"], own["cell"], rng).to(device)
        with torch.no_grad():
            cells = spoil(model.encoder(drawn), own)
        with torch.autocast(device.type, torch.bfloat16):
            decoded = model.decoder(cells).float()
        loss = decoder_loss(drawn, decoded)
        loss.backward()
        optimizer.step(min(1, (step + 1) / 100, max(0.01, 2 * (1 - step / own["steps"]))))
        if progress.note(step + 1, loss.item(), own["batch"]):
            save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1})
    save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": own["steps"]})
    model.decoder.load_state_dict(optimizer.average)
    return model.state_dict()


def main() -> None:
    """Train the decoder on squares of pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="written at the end")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    weights = train(settings.load(args.settings), np.load(args.pictures, mmap_mode="r"), args.checkpoint)
    save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, args.weights)


if __name__ == "__main__":
    main()
