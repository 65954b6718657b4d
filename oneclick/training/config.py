"""What shapes a model, where its training reads and writes, and on what it runs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from oneclick.core.errors import UsageError
from oneclick.detectors import networks
from oneclick.training import checkpoint
from oneclick.training.distributed import Precision


@dataclass(frozen=True)
class Config:
    """Everything that shapes a model besides its data."""

    arch: str = "fcos-tiny"
    classes: tuple[str, ...] = ("person",)
    steps: int = 300
    batch: int = 4
    """Images a step, over all processes together."""
    at_once: int = 8
    """Most images that a process takes at once; more are gathered over several passes."""
    stride: int = 2
    """Train on every n-th frame of a clip."""
    origins: dict[str, float] = field(default_factory=dict)
    """How much boxes count by the letter of their origin, 0 … 1; 1 where it is silent."""
    draw: dict[str, float] = field(default_factory=dict)
    """How often clips are drawn, by what led to them or by the origin of their boxes."""
    seed: int = 0
    lr: float = 3e-3
    pretrained: bool = True
    """Networks of torchvision start from COCO weights, downloaded once, and keep their statistics
    of normalisation."""
    tuning_lr: float = 3e-3
    """Learning rate when training starts from the champion."""
    pretrained_lr: float = 3e-4
    """Learning rate for networks that go back to COCO weights."""
    warmup: int = 20
    weight_decay: float = 0.05
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.95
    precision: Precision = "auto"
    """What the network computes in: bfloat16 on GPUs that have it, else float32."""

    def passes(self, ranks: int) -> int:
        """Batches that a process gathers for one step.

        Raises:
            UsageError: the batch cannot be shared evenly.
        """
        if self.batch % ranks:
            raise UsageError(
                f"a batch of {self.batch} images cannot be shared by {ranks} processes: set "
                f"train.batch to a multiple of {ranks}"
            )
        share = self.batch // ranks
        return next(n for n in range(1, share + 1) if share % n == 0 and share // n <= self.at_once)

    def key(self) -> str:
        """Six letters that differ when the config does."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()[:6]

    @property
    def from_coco(self) -> bool:
        """Whether its networks go back to COCO weights."""
        return self.pretrained and self.arch != networks.TINY


@dataclass(frozen=True)
class Equipment:
    """What does not change the result."""

    device: str = "auto"
    workers: int | None = None
    """Loader processes; None chooses: none on a CPU, where they would take the cores away."""
    checkpoint_seconds: float = checkpoint.SECONDS

    def loaders(self, device: str) -> int:
        """Loader processes of one training process."""
        if self.workers is not None:
            return self.workers
        return 0 if device == "cpu" else min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class Places:
    """Where a training reads and writes."""

    root: Path
    """The training server's folder: `datasets/` and `clips/`."""
    models: Path
    """Folder that gets `<model id>/`."""
    parent: Path | None = None
    """Model folder of the champion to start from."""


def model_id(config: Config, version: str) -> str:
    """`<arch>-<dataset version>-<config>`: the same training has the same name."""
    return f"{config.arch}-{version}-{config.key()}"
