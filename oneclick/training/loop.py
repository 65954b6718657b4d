"""The training loop: one walk over the batches, and the weights it ends with."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from oneclick.core import progress
from oneclick.core.errors import OneclickError
from oneclick.training.distributed import Machine

if TYPE_CHECKING:
    from torch import Tensor

    from oneclick.services.run_log import RunLog
    from oneclick.training.checkpoint import Keeper, Kept
    from oneclick.training.data import Batch


@dataclass(frozen=True)
class Schedule:
    """How the weights move."""

    steps: int
    lr: float
    """Highest learning rate."""
    warmup: int
    """Steps of linear warm-up."""
    weight_decay: float
    clip: float
    """Largest norm of the gradient."""
    ema: float
    """Memory of the averaged weights; 0 switches averaging off."""
    passes: int = 1
    """Batches whose gradients are gathered for one step."""
    seed: int = 0
    """Of whatever the network itself leaves to chance."""
    frozen_norm: bool = False
    """Batch normalisation keeps the statistics it came with: small batches know no better ones."""

    def at(self, step: int) -> float:
        """Learning rate: linear warm-up, then a cosine down to a hundredth."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.lr * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def fit(
    network: nn.Module,
    batches: Iterable[Batch],
    schedule: Schedule,
    machine: Machine,
    log: RunLog | None = None,
    keeper: Keeper | None = None,
    kept: Kept | None = None,
) -> nn.Module:
    """Train and return the network, carrying the averaged weights.

    Args:
        batches: this rank's, `schedule.passes` for each step, from the step of `kept` on.
        log, keeper: on the first rank.
        kept: where an earlier process got to.

    Raises:
        OneclickError: the loss is not finite; the message names the images of the batch.
    """
    training = Training(network, schedule, machine)
    start = kept.step if kept else 0
    if kept:
        training.restore(kept.state)
    supply = iter(batches)
    for step in progress.track("train", range(start, schedule.steps), schedule.steps - start):
        if keeper and step > start:
            keeper.offer(step, training.state)
        numbers = training.step(step, list(islice(supply, schedule.passes)))
        if log:
            log.log(step, lr=schedule.at(step), **numbers)
    training.average.copy_to(network)
    return network


class Training:
    """A network on its way, and all that moves with it."""

    def __init__(self, network: nn.Module, schedule: Schedule, machine: Machine) -> None:
        self.schedule, self.machine = schedule, machine
        # A sixth faster on CPU, and what tensor cores want.
        self.network = network.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network.train()
        if schedule.frozen_norm:
            _freeze_norm(self.network)
        self.shared: nn.Module = network
        if machine.ranks > 1:
            self.shared = DistributedDataParallel(network)
        groups = _groups(network, schedule.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, schedule.lr, fused=True)
        self.average = Average(network, schedule.ema)
        self.scaler = torch.amp.GradScaler(
            machine.device.type, enabled=machine.dtype is torch.float16
        )

    def state(self) -> dict[str, Any]:
        """All of it."""
        parts = {"network": self.network, "optimizer": self.optimizer, "scaler": self.scaler}
        states: dict[str, Any] = {name: part.state_dict() for name, part in parts.items()}
        return states | {"average": self.average.kept}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.average.restore(state["average"])

    def step(self, number: int, batches: list[Batch]) -> dict[str, float]:
        """One step of the optimizer; the losses, means over all ranks."""
        # The same chances whether or not the process was started anew in between.
        torch.manual_seed(self.schedule.seed * 1_000_003 + number * 1009 + self.machine.rank)
        for group in self.optimizer.param_groups:
            group["lr"] = self.schedule.at(number)
        self.optimizer.zero_grad(set_to_none=True)
        seen = [self._backward(number, batch, last=batch is batches[-1]) for batch in batches]
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.average.update(self.network, number)
        return self._numbers(seen)

    def _backward(self, number: int, batch: Batch, last: bool) -> dict[str, Tensor]:
        """Gather the gradients of one batch; ranks exchange them with the last one."""
        with self._exchange(last):
            with torch.autocast(
                self.machine.device.type,
                self.machine.dtype,
                enabled=self.machine.dtype is not torch.float32,
            ):
                losses = _losses(self.shared, batch, self.machine.device)
            loss = torch.stack([value.float() for value in losses.values()]).sum()
            _check(loss, number, batch)
            part = self._whole(loss, batch) / self.schedule.passes
            self.scaler.scale(part).backward()  # type: ignore[no-untyped-call]
        return {name: value.detach().float() for name, value in losses.items()}

    @contextlib.contextmanager
    def _exchange(self, last: bool) -> Iterator[None]:
        waits = isinstance(self.shared, DistributedDataParallel) and not last
        with self.shared.no_sync() if waits else contextlib.nullcontext():  # type: ignore[operator]
            yield

    def _whole(self, loss: Tensor, batch: Batch) -> Tensor:
        """Without boxes some weights get no gradient, and the other ranks would wait for it."""
        if self.machine.ranks == 1 or any(len(target["boxes"]) for target in batch.targets):
            return loss
        touched = [value.sum() for value in self.network.parameters() if value.requires_grad]
        return loss + 0.0 * torch.stack(touched).sum()

    def _numbers(self, seen: list[dict[str, Tensor]]) -> dict[str, float]:
        names = list(seen[0])
        table = torch.stack([torch.stack([losses[name] for name in names]) for losses in seen])
        means = self.machine.mean(table.mean(0)).tolist()
        return {"loss": sum(means), **dict(zip(names, means, strict=True))}


class Average:
    """Exponential moving average of weights and running statistics, with a quick start."""

    def __init__(self, network: nn.Module, memory: float) -> None:
        self.memory = memory
        self.kept = {name: value.clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after `step`; early on the average forgets faster."""
        weight = 1 - min(self.memory, (1 + step) / (10 + step))
        now = network.state_dict()
        moving = [name for name, value in now.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.kept[n] for n in moving], [now[n] for n in moving], weight)
        for name in now.keys() - set(moving):
            self.kept[name].copy_(now[name])

    @torch.no_grad()
    def restore(self, kept: dict[str, Tensor]) -> None:
        """Go on from an earlier average."""
        for name, value in kept.items():
            self.kept[name].copy_(value)

    def copy_to(self, network: nn.Module) -> None:
        """Put the averaged weights into the network."""
        if self.memory:
            network.load_state_dict(self.kept)


def _losses(network: nn.Module, batch: Batch, device: torch.device) -> dict[str, Tensor]:
    images = [image.to(device, non_blocking=True).float().div_(255) for image in batch.images]
    targets = [
        {name: value.to(device, non_blocking=True) for name, value in target.items()}
        for target in batch.targets
    ]
    losses: dict[str, Tensor] = network(images, targets)
    return losses


def _check(loss: Tensor, step: int, batch: Batch) -> None:
    if not torch.isfinite(loss):
        names = ", ".join(f"{clip} frame {frame}" for clip, frame in batch.keys)
        raise OneclickError(
            f"the loss became {float(loss)} at step {step} on {names}: look at these labels, "
            "or train with a lower learning rate"
        )


def _freeze_norm(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
            for weight in module.parameters():
                weight.requires_grad_(False)


def _groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Biases and normalisation are not decayed."""
    weights = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
