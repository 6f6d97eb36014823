"""The autoencoder: an encoder that is set by hand, and a decoder that learns to draw sharp pictures from its cells."""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from forge import latents, settings
from forge.checkpoints import Progress, load, pick_device, save

ENCODER_WIDTH = 8


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


@torch.no_grad()
def start_from_finer(decoder: nn.Module, finer: nn.Module) -> None:
    """Let a decoder begin as one of cells half as large does, with each of its own cells taken for four equal ones.

    All but the decoder's first size has to be built like the other decoder.
    """
    layers, known = list(decoder.layers), list(finer.layers)
    own = len(layers) - len(known) + 2  # the layers of the first size, up to the convolution after its upsampling
    layers[0].load_state_dict(known[0].state_dict())
    for layer, source in zip(layers[own:], known[2:], strict=True):
        layer.load_state_dict(source.state_dict())
    for layer in layers[2 : own - 2]:
        layer.conv[-1].weight.zero_()
        layer.conv[-1].bias.zero_()
    nn.init.dirac_(layers[own - 1].weight)


def decoder_loss(drawn: Tensor, decoded: Tensor) -> Tensor:
    """Mean error of colours and of the steps between neighbouring pixels, so that edges come out sharp."""
    loss = l1_loss(decoded, drawn)
    for dim in (2, 3):
        loss = loss + l1_loss(decoded.diff(dim=dim), drawn.diff(dim=dim))
    return loss


def train(chosen: dict, grain: str, pictures: np.ndarray, checkpoint: Path, start: Path | None) -> dict[str, Tensor]:
    """Train the decoder on squares of pictures; resume where the checkpoint stands. Returns the weights.

    `start` names the weights of the fine autoencoder, for the coarse one to begin with.
    """
    own, device = chosen["decoders"][grain], pick_device(chosen["device"])
    torch.manual_seed(chosen["seed"])
    model = make_autoencoder(own["cell"], own["width"], own["blocks"]).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.decoder.parameters(), lr=own["rate"], betas=(0.9, 0.98), weight_decay=0.0)
    state, progress = load(checkpoint, device), Progress(checkpoint)
    if start and not state:
        other = chosen["decoders"]["fine"]
        finer = make_autoencoder(other["cell"], other["width"], other["blocks"])
        finer.load_state_dict(load_file(start))
        start_from_finer(model.decoder, finer.decoder)
    if state:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    source = torch.from_numpy(pictures)
    for step in range(state["step"] if state else 0, own["steps"]):
        torch.manual_seed(chosen["seed"] * 1_000_003 + step)
        for group in optimizer.param_groups:
            group["lr"] = own["rate"] * min(1, (step + 1) / 50, 4 * (1 - step / own["steps"]))
        drawn = source[torch.randint(len(source), (own["batch"],))].to(device).permute(0, 3, 1, 2) / 127.5 - 1
        drawn = drawn.contiguous(memory_format=torch.channels_last)
        cells = model.encoder(drawn)
        cells = cells + torch.randn_like(cells) * own["noise"] * torch.rand(len(cells), 1, 1, 1, device=device)
        with torch.autocast(device.type, torch.bfloat16):
            decoded = model.decoder(cells).float()
        loss = decoder_loss(drawn, decoded)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if progress.note(step + 1, loss.item(), own["batch"]):
            save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1})
    save(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": own["steps"]})
    return model.state_dict()


def main() -> None:
    """Train the decoder on squares of pictures."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("grain", choices=("fine", "coarse"))
    parser.add_argument("squares", type=Path)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="written at the end")
    parser.add_argument("--start", type=Path, help="weights of the fine autoencoder")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    weights = train(settings.load(args.settings), args.grain, np.load(args.squares), args.checkpoint, args.start)
    save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, args.weights)


if __name__ == "__main__":
    main()
