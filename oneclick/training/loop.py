"""The training loop: gradient accumulation, mixed precision and averaged weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from oneclick.core import progress
from oneclick.core.errors import OneclickError
from oneclick.detectors import networks
from oneclick.training.distributed import ProcessContext

if TYPE_CHECKING:
    from torch import Tensor

    from oneclick.services.run_log import TrainingLog
    from oneclick.training.checkpoint import Checkpoint, CheckpointWriter
    from oneclick.training.config import TrainingConfig
    from oneclick.training.data import Batch


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Steps, learning rate and regularisation."""

    steps: int
    lr: float
    """Highest learning rate."""
    warmup: int
    """Steps of linear warm-up."""
    weight_decay: float
    clip: float
    """Largest norm of the gradient."""
    ema: float
    """Decay of the averaged weights; 0 switches averaging off."""
    passes: int = 1
    """Batches whose gradients are accumulated for one step."""
    seed: int = 0
    """Seed of the random numbers that the network itself draws."""
    frozen_norm: bool = False
    """Batch normalisation keeps its initial statistics: those of small batches are worse."""
    backbone: float = 1.0
    """Factor on the learning rate of the backbone; 0 freezes it."""

    @classmethod
    def from_config(cls, config: TrainingConfig, ranks: int, finetuning: bool) -> Schedule:
        """Return this config's schedule; `finetuning` starts from the champion's weights.

        Raises:
            UsageError: the batch cannot be shared evenly by `ranks`.
        """
        lr = config.highest_lr
        return cls(
            steps=config.steps,
            lr=min(lr, config.tuning_lr) if finetuning else lr,
            warmup=min(config.warmup, config.steps),
            weight_decay=config.weight_decay,
            clip=config.clip,
            ema=config.ema,
            passes=config.passes(ranks),
            seed=config.seed,
            frozen_norm=config.from_published,
            backbone=config.backbone_factor,
        )

    def learning_rate(self, step: int) -> float:
        """Return the rate at a step: linear warm-up, then a cosine down to a hundredth."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        progress_share = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.lr * (0.01 + 0.99 * (1 + math.cos(math.pi * progress_share)) / 2)


def fit(
    network: nn.Module,
    batches: Iterable[Batch],
    schedule: Schedule,
    process: ProcessContext,
    log: TrainingLog | None = None,
    writer: CheckpointWriter | None = None,
    checkpoint: Checkpoint | None = None,
) -> nn.Module:
    """Train and return the network, carrying the averaged weights.

    Args:
        batches: this rank's, `schedule.passes` per step, from the step of `checkpoint` on.
        log, writer: on rank 0 only.
        checkpoint: state of an earlier process to resume from.

    Raises:
        OneclickError: the loss is not finite; the message names the images of the batch.
    """
    trainer = Trainer(network, schedule, process)
    start = checkpoint.step if checkpoint else 0
    if checkpoint:
        trainer.restore(checkpoint.state)
    supply = iter(batches)
    for step in progress.track("train", range(start, schedule.steps), schedule.steps - start):
        if writer and step > start:
            writer.save_if_due(step, trainer.state)
        losses = trainer.step(step, list(islice(supply, schedule.passes)))
        if log:
            log.log(step, lr=schedule.learning_rate(step), **losses)
    trainer.average.copy_to(network)
    return network


class Trainer:
    """A network in training with its optimizer, gradient scaler and averaged weights."""

    def __init__(self, network: nn.Module, schedule: Schedule, process: ProcessContext) -> None:
        self.schedule, self.process = schedule, process
        # A sixth faster on CPU, and what tensor cores want.
        self.network = network.to(process.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.train()
        if schedule.frozen_norm:
            freeze_batch_norm(self.network)
        if not schedule.backbone:
            freeze_backbone(self.network)
        self.replica: nn.Module = network
        """The network that ranks share; exchanges gradients where there are several."""
        if process.ranks > 1:
            self.replica = DistributedDataParallel(network)
        groups = parameter_groups(network, schedule.weight_decay, schedule.backbone)
        self.optimizer = torch.optim.AdamW(groups, schedule.lr, fused=True)
        self.average = WeightAverage(network, schedule.ema)
        self.scaler = torch.amp.GradScaler(
            process.device.type, enabled=process.dtype is torch.float16
        )

    def state(self) -> dict[str, Any]:
        """Return everything that a later process needs to resume, as tensors and numbers."""
        parts = {"network": self.network, "optimizer": self.optimizer, "scaler": self.scaler}
        states: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
        return states | {"average": self.average.weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Load what `state` returned in an earlier process."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.average.restore(state["average"])

    def step(self, number: int, batches: list[Batch]) -> dict[str, float]:
        """Run one step of the optimizer and return the losses, means over all ranks.

        Args:
            number: of the step, 0-based; decides the learning rate and the random numbers.
            batches: their gradients are accumulated.

        Raises:
            OneclickError: the loss is not finite.
        """
        # Seeded per step, so that a resumed training draws the same random numbers.
        torch.manual_seed(self.schedule.seed * 1_000_003 + number * 1009 + self.process.rank)
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.learning_rate(number) * group.get("factor", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        losses = [self.backward(number, batch, batch is batches[-1]) for batch in batches]
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update(self.network, number)
        names = list(losses[0])
        table = torch.stack([torch.stack([row[name] for name in names]) for row in losses])
        means = self.process.mean(table.mean(0)).tolist()
        return {"loss": sum(means), **dict(zip(names, means, strict=True))}

    def backward(self, number: int, batch: Batch, exchange: bool) -> dict[str, Tensor]:
        """Add the gradients of one batch and return its losses.

        Args:
            number: of the step, for the message.
            exchange: average the gradients over the ranks, with the last batch of a step.
        """
        scope: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if isinstance(self.replica, DistributedDataParallel) and not exchange:
            scope = self.replica.no_sync()
        device, dtype = self.process.device, self.process.dtype
        with scope:
            with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
                losses = batch_losses(self.replica, batch, device)
            loss = torch.stack([value.float() for value in losses.values()]).sum()
            check_finite(loss, number, batch)
            if self.process.ranks > 1:
                # Some weights may get no gradient here, without boxes for example, and other ranks
                # would wait for it.
                weights = [p.sum() for p in self.network.parameters() if p.requires_grad]
                loss = loss + 0.0 * torch.stack(weights).sum()
            scaled = self.scaler.scale(loss / self.schedule.passes)
            scaled.backward()  # type: ignore[no-untyped-call]
        return {name: value.detach().float() for name, value in losses.items()}


class WeightAverage:
    """Exponential moving average of weights and running statistics."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Add the weights after `step`; the decay grows from 0.1 over the first steps."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        current = network.state_dict()
        floats = [name for name, value in current.items() if value.is_floating_point()]
        averages = [self.weights[name] for name in floats]
        torch._foreach_lerp_(averages, [current[name] for name in floats], weight)
        for name in current.keys() - set(floats):
            self.weights[name].copy_(current[name])

    @torch.no_grad()
    def restore(self, weights: dict[str, Tensor]) -> None:
        """Load the average of an earlier process."""
        for name, value in weights.items():
            self.weights[name].copy_(value)

    def copy_to(self, network: nn.Module) -> None:
        """Load the averaged weights into the network; nothing where averaging is off."""
        if self.decay:
            network.load_state_dict(self.weights)


def batch_losses(network: nn.Module, batch: Batch, device: torch.device) -> dict[str, Tensor]:
    """Return the named losses of a batch; images are scaled to 0 … 1 on the device."""
    images = [image.to(device, non_blocking=True).float().div_(255) for image in batch.images]
    targets = [
        {name: value.to(device, non_blocking=True) for name, value in target.items()}
        for target in batch.targets
    ]
    losses: dict[str, Tensor] = network(images, targets)
    return losses


def check_finite(loss: Tensor, step: int, batch: Batch) -> None:
    """Check the loss of a batch.

    Raises:
        OneclickError: it is not finite; the message names the images.
    """
    if not torch.isfinite(loss):
        names = ", ".join(f"{clip} frame {frame}" for clip, frame in batch.keys)
        raise OneclickError(
            f"the loss became {float(loss)} at step {step} on {names}: look at these labels, "
            "or train with a lower learning rate"
        )


def freeze_batch_norm(network: nn.Module) -> None:
    """Keep statistics, scale and offset of all batch normalisation layers as they are."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            for weight in module.parameters():
                weight.requires_grad_(False)


def freeze_backbone(network: nn.Module) -> None:
    """Keep all weights of the backbone as they are."""
    for name, weight in network.named_parameters():
        if networks.is_backbone(name):
            weight.requires_grad_(False)


def parameter_groups(
    network: nn.Module, decay: float, backbone: float = 1.0
) -> list[dict[str, object]]:
    """Split the trained parameters for AdamW: biases and normalisation are not decayed.

    Args:
        network: in training.
        decay: weight decay of the others.
        backbone: factor on the learning rate of the backbone; at 1 it is in no group of its own.
    """
    parts: list[tuple[list[nn.Parameter], float]] = [([], 1.0), ([], backbone)]
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            parts[backbone != 1.0 and networks.is_backbone(name)][0].append(weight)
    return [
        group
        for weights, factor in parts
        if weights
        for group in (
            {
                "params": [p for p in weights if p.ndim > 1],
                "weight_decay": decay,
                "factor": factor,
            },
            {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0, "factor": factor},
        )
    ]
