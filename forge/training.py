"""Training of one diffusion UNet, resumable at any moment."""

import argparse
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from forge import samples, settings
from forge.checkpoints import Progress, load, pick_device, save
from forge.noise import Noising
from forge.optimizer import Optimizer
from forge.text import concept_table, concepts_missing_in, random_captions


def make_unet(settings: dict, own: dict) -> UNet2DConditionModel:
    """Make a UNet with random weights, from the settings of both models' UNets and those of one model.

    Where `own` says so, the UNet takes the guidance scale as an input. Pipelines then run it once a step, without a second
    time for the negative prompt; the input's weights stay zero, so that the scale changes nothing.
    """
    model = UNet2DConditionModel(**settings, **own)
    if model.time_embedding.cond_proj is not None:
        nn.init.zeros_(model.time_embedding.cond_proj.weight)
    return model.to(memory_format=torch.channels_last)


class Trainer:
    """Everything that one run holds: the model, its optimiser, its data, and how far it has come."""

    def __init__(self, chosen: dict, task: str, data: Path, checkpoint: Path, start: Path | None) -> None:
        self.settings, self.task, self.checkpoint = chosen, chosen[task], checkpoint
        self.device = pick_device(chosen["device"])
        torch.manual_seed(chosen["seed"])
        self.model = make_unet(chosen["unet"], self.task["unet"]).to(self.device)
        if start and not checkpoint.exists():
            load_trunk(self.model, load_file(start))
        self.optimizer = Optimizer(self.model, **chosen["optimizer"])
        self.noising = Noising(chosen["noise"], self.device)
        self.table = concept_table(chosen["text"]["width"]).to(self.device)
        self.source = samples.SOURCES[task](data)
        self.strays = concepts_missing_in(self.source.concepts)
        self.step = 0
        state = load(checkpoint, self.device)
        if state:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]

    def run(self) -> None:
        """Go through the stages from where the checkpoint stands; print a line of progress every few seconds."""
        first, progress = 0, Progress(self.checkpoint)
        for stage in self.task["stages"]:
            for step in range(max(self.step, first), first + stage["steps"]):
                torch.manual_seed(self.settings["seed"] * 1_000_003 + step)
                begin, end = stage["rate"]
                rate = begin + (end - begin) * (step - first) / stage["steps"]
                loss = self.update(stage, rate * min(1, (step + 1) / 50))
                self.step = step + 1
                if progress.note(self.step, loss, stage["batch"]):
                    self.save()
            first += stage["steps"]
        self.save()

    def update(self, stage: dict, rate: float) -> float:
        """Learn from one batch; return its loss."""
        batch = self.source.batch(stage["batch"], tuple(stage["size"]), self.device)
        times = self.noising.times(stage["batch"])
        noisy, target = self.noising.mix(batch.latents, torch.randn_like(batch.latents), times)
        tokens = self.settings["text"]["tokens"]
        captions = random_captions(batch.concepts, tokens, self.strays, **self.task["captions"])
        hidden = self.table[captions.to(self.device)]
        inputs = noisy if batch.condition is None else torch.cat([noisy, batch.condition], 1)
        scale = torch.ones_like(target[:, :1, :1, :1])
        if "effect" in self.task:
            target, scale = self.moderated(target, inputs, times, hidden)
        predicted = self.predict(self.model, inputs, times, hidden)
        loss = (((predicted - target) / scale).square() * batch.weight).mean()
        loss.backward()
        self.optimizer.step(rate)
        return loss.item()

    @torch.no_grad()
    def moderated(self, target: Tensor, inputs: Tensor, times: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Move the targets of samples with a prompt towards what the model predicts without one.

        Left is the share `effect` of what the prompt changes. Guidance multiplies it again in use, so that the usual scales
        around 8 act as a mild guidance of `8 * effect`; without this they would burn pictures of so few cells. Where little
        noise is left, prompt or none makes no difference, and the target stays.

        Returned with the targets is the share that is left of each, (batch, 1, 1, 1). Errors are to be divided by it: samples
        with a prompt would else be drowned by the few without one, whose errors are `1 / effect` times as large.
        """
        chosen = (hidden.flatten(1).any(1) & (times >= self.noising.count * 0.15)).nonzero()[:, 0]
        blank = self.predict(self.model, inputs[chosen], times[chosen], torch.zeros_like(hidden[chosen]))
        effect = self.task["effect"]
        scale = torch.ones_like(target[:, :1, :1, :1]).index_fill(0, chosen, effect)
        return target.index_copy(0, chosen, blank.lerp(target[chosen], effect)), scale

    def predict(self, model: UNet2DConditionModel, inputs: Tensor, times: Tensor, hidden: Tensor) -> Tensor:
        """Run a UNet in mixed precision; inputs and result are (batch, channels, height, width)."""
        with torch.autocast(self.device.type, torch.bfloat16):
            return model(inputs.to(memory_format=torch.channels_last), times, hidden).sample.float()

    def save(self) -> None:
        """Write the checkpoint."""
        save(
            self.checkpoint,
            {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step},
        )


def load_trunk(model: UNet2DConditionModel, weights: dict[str, Tensor]) -> None:
    """Start a model from another one's weights; input channels that the other lacks begin at zero."""
    entry = torch.zeros_like(model.conv_in.weight)
    entry[:, : weights["conv_in.weight"].shape[1]] = weights["conv_in.weight"]
    model.load_state_dict({**model.state_dict(), **weights, "conv_in.weight": entry})


def main() -> None:
    """Train one of the two UNets."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("task", choices=samples.SOURCES)
    parser.add_argument("--settings", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights of the other task to start from")
    parser.add_argument("--weights", type=Path, required=True, help="the averaged weights, written at the end")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    trainer = Trainer(settings.load(args.settings), args.task, args.data, args.checkpoint, args.start)
    trainer.run()
    weights = trainer.optimizer.average
    save_file({name: tensor.contiguous().cpu() for name, tensor in weights.items()}, args.weights)


if __name__ == "__main__":
    main()
