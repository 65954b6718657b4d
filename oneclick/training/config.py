"""Settings of a training: hyperparameters, equipment and paths."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from oneclick.core import training_defaults
from oneclick.core.errors import UsageError
from oneclick.detectors import networks
from oneclick.training import checkpoint
from oneclick.training.distributed import Precision


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Hyperparameters: everything besides the data that the trained weights depend on."""

    arch: str = training_defaults.ARCHITECTURE
    classes: tuple[str, ...] = ("person",)
    steps: int = 300
    batch: int = training_defaults.SMALL_BATCH
    """Images per step, over all processes together."""
    at_once: int = training_defaults.AT_ONCE
    """Most images in one forward pass of a process; a larger share accumulates gradients."""
    stride: int = training_defaults.STRIDE
    """Train on every n-th frame of a clip."""
    origins: dict[str, float] = field(default_factory=dict)
    """Weight of a box by the letter of its origin, 0 … 1; 1 for letters that are absent."""
    draw: dict[str, float] = field(default_factory=dict)
    """Sampling weight of a clip, by what led to it or by the origins of its boxes."""
    turned: float = training_defaults.TURNED
    """Share of the augmented images that are turned by 90°."""
    laid: float = training_defaults.LAID
    """Share of the augmented images in which a person who stands is copied, lying."""
    seed: int = 0
    lr: float = 3e-3
    pretrained: bool = True
    """Networks start from published weights where there are any, downloaded once, and keep their
    statistics of batch normalisation."""
    tuning_lr: float = 3e-3
    """Learning rate when training starts from the champion."""
    pretrained_lr: float = 3e-4
    """Learning rate for networks of torchvision that go back to COCO weights."""
    transformers_lr: float = 1e-4
    """Learning rate for networks of transformers."""
    backbone: float | None = None
    """Factor on the learning rate of a backbone that goes back to published weights; 0 freezes it.
    None is 1 for networks of torchvision and 0.1 for those of transformers."""
    warmup: int = 20
    """Steps of linear warm-up."""
    weight_decay: float = 0.05
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.95
    """Decay of the exponential moving average of the weights; 0 switches it off."""
    precision: Precision = "auto"
    """Type that the network computes in: bfloat16 on GPUs that have it, else float32."""
    excluded: tuple[str, ...] = ()
    """Clips of the dataset version that are left out, sorted."""

    def passes(self, ranks: int) -> int:
        """Return the number of batches whose gradients a process accumulates per step.

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
        """Return six hexadecimal digits of the sha256 of the config."""
        values = msgspec.to_builtins(self, order="deterministic")
        # What was added later: models that were trained before keep their key.
        later: dict[str, object] = {"excluded": (), "backbone": None, "turned": 0, "laid": 0}
        if not self.is_transformers:
            later["transformers_lr"] = self.transformers_lr
        for name, default in later.items():
            if getattr(self, name) == default:
                values.pop(name, None)
        return hashlib.sha256(msgspec.json.encode(values)).hexdigest()[:6]

    @property
    def is_transformers(self) -> bool:
        """Check whether the network is one of transformers."""
        return self.arch.startswith(networks.TRANSFORMERS)

    @property
    def from_published(self) -> bool:
        """Check whether the network goes back to weights that others published."""
        return self.pretrained and networks.has_published_weights(self.arch)

    @property
    def highest_lr(self) -> float:
        """Return the learning rate after warm-up, where training does not start from a champion."""
        if self.is_transformers:
            return self.transformers_lr
        return self.pretrained_lr if self.from_published else self.lr

    @property
    def backbone_factor(self) -> float:
        """Return the factor on the learning rate of the backbone."""
        if not self.from_published:
            return 1.0
        if self.backbone is None:
            return 0.1 if self.is_transformers else 1.0
        return self.backbone


@dataclass(frozen=True)
class Equipment:
    """Device, loader processes, limits and intervals; the trained weights do not depend on it."""

    device: str = "auto"
    workers: int | None = None
    """Loader processes; None chooses: none on a CPU, where they would take the cores away."""
    checkpoint_seconds: float = checkpoint.INTERVAL_SECONDS
    max_broken: float = training_defaults.MAX_BROKEN
    """Largest share of the pictures of a split that may be broken, and is left out."""

    def loaders(self, device: str) -> int:
        """Return the number of loader processes per training process on that type of device."""
        if self.workers is not None:
            return self.workers
        return 0 if device == "cpu" else min(8, os.cpu_count() or 1)


DEFAULT_EQUIPMENT = Equipment()


@dataclass(frozen=True)
class TrainingPaths:
    """Folders that a training reads and writes."""

    root: Path
    """The training server's folder: `datasets/` and `clips/`."""
    models: Path
    """Folder that gets `<model id>/`."""
    parent: Path | None = None
    """Model folder of the champion to start from."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """The JSON file that `--config` names."""

    version: str
    root: str
    models: str
    parent: str | None = None
    config: TrainingConfig = field(default_factory=TrainingConfig)
    equipment: Equipment = DEFAULT_EQUIPMENT

    @classmethod
    def create(
        cls, config: TrainingConfig, version: str, paths: TrainingPaths, equipment: Equipment
    ) -> TrainingJob:
        """Return the job with absolute paths, for a process in another folder."""
        return cls(
            version=version,
            root=str(paths.root.absolute()),
            models=str(paths.models.absolute()),
            parent=str(paths.parent.absolute()) if paths.parent else None,
            config=config,
            equipment=equipment,
        )

    @property
    def paths(self) -> TrainingPaths:
        """Return the folders that the training reads and writes."""
        parent = Path(self.parent) if self.parent else None
        return TrainingPaths(Path(self.root), Path(self.models), parent)


def model_id(config: TrainingConfig, version: str) -> str:
    """Return `<arch>-<dataset version>-<config>`: equal trainings have equal names."""
    return f"{networks.safe_name(config.arch)}-{version}-{config.key()}"
