"""Train the autoencoder or the GAN of one camera on its ordinary frames (detectors/novelty.py).

There are no pictures of what never happened, so they are synthesized: anomalies are pasted into
four of five frames (the room's own people laid on the floor, shapes of random colours, a cover over
a part of the lens), and the network has to restore the frame without them: with the people on their
feet, on chairs and in beds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from oneclick.core import progress
from oneclick.core.errors import BadInput, UnknownName, UsageError
from oneclick.detectors import novelty, novelty_nets
from oneclick.detectors.base import Frame
from oneclick.detectors.novelty import (
    HEIGHT,
    WIDTH,
    Floats,
    NoveltyKind,
    NoveltyModel,
    PixelStatistics,
)
from oneclick.training.anomaly_synthesis import AnomalySynthesizer

if TYPE_CHECKING:
    from torch import Tensor

MIN_FRAMES = 40
"""Frames below which a camera's room is not shown well enough."""


@dataclass(frozen=True, kw_only=True)
class NoveltyTrainingConfig:
    """Hyperparameters, the same for all cameras."""

    steps: int = 400
    batch: int = 16
    lr: float = 3e-3
    held_out: float = 0.2
    """Share of the frames, the last ones, that only the statistics are computed on."""
    quantile: float = 0.999
    """Quantile of the scores of held-out frames that becomes the alarm level."""
    seed: int = 0


def sample(frames: Iterable[Frame], stride: int = 1) -> NDArray[np.uint8]:
    """Return every `stride`-th frame, shrunk: (n, HEIGHT, WIDTH, 3) RGB."""
    images = [novelty.shrink(frame) for k, frame in enumerate(frames) if k % stride == 0]
    return np.stack(images) if images else np.zeros((0, HEIGHT, WIDTH, 3), np.uint8)


def fit(
    kind: NoveltyKind, frames: NDArray[np.uint8], config: NoveltyTrainingConfig | None = None
) -> NoveltyModel:
    """Train a model of one camera on its ordinary frames; on the CPU, deterministic.

    Args:
        frames: (n, HEIGHT, WIDTH, 3) RGB from `sample`, in order of time; those of several days
            one after the other.

    Raises:
        UnknownName: nothing is called `kind`. UsageError: frames of another size.
        BadInput: too few frames.
    """
    config = config or NoveltyTrainingConfig()
    check_frames(kind, frames)
    background = np.median(frames[:: max(1, len(frames) // 200)], 0).transpose(2, 0, 1)
    background = np.ascontiguousarray(background / 255, np.float32)
    images = novelty.equalize_brightness(frames, background)
    split = len(images) - max(1, round(config.held_out * len(images)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = novelty_nets.build(kind, background)
        trainer = AutoencoderTrainer if kind == "novelty-autoencoder" else GanTrainer
        trainer(network, config).fit(images[:split], background)
    network.eval()
    doubt, error = novelty_nets.doubt_and_error(network, images[split:])
    model = NoveltyModel(
        kind=kind,
        network=network,
        background=background,
        doubt=PixelStatistics.fit(doubt),
        error=PixelStatistics.fit(error),
        level=1.0,
    )
    scores = model.score_small(frames[split:])
    model.level = max(1e-6, float(np.quantile(scores, config.quantile)))
    return model


def check_frames(kind: str, frames: NDArray[np.uint8]) -> None:
    """Check that frames can train a model of that kind.

    Raises:
        UnknownName: nothing is called `kind`. UsageError: frames of another size.
        BadInput: too few frames.
    """
    if kind not in novelty.KINDS:
        raise UnknownName("model of novelty", kind, novelty.KINDS)
    if frames.shape[1:] != (HEIGHT, WIDTH, 3):
        raise UsageError(f"frames of {frames.shape[1:]}: shrink them with novelty.sample first")
    if len(frames) < MIN_FRAMES:
        raise BadInput(
            f"{len(frames)} frames are too few to learn what is ordinary; give {MIN_FRAMES} or more"
        )


class AutoencoderTrainer:
    """Training of the autoencoder: restoration, and classification of pasted places."""

    def __init__(self, network: nn.Module, config: NoveltyTrainingConfig) -> None:
        self.network: Any = network
        self.config = config
        self.optimizer = torch.optim.AdamW(network.parameters(), config.lr, weight_decay=1e-4)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, config.lr, config.steps, pct_start=0.1
        )

    def fit(self, images: Floats, background: Floats) -> None:
        """Train on images (n, 3, HEIGHT, WIDTH) of one camera, each with a random tint."""
        config, rng = self.config, np.random.default_rng(self.config.seed)
        synthesizer = AnomalySynthesizer(images, background, rng)
        self.network.train()
        for _ in progress.track("train novelty", range(config.steps), config.steps):
            batch = images[rng.integers(len(images), size=config.batch)]
            tint = rng.uniform(0.94, 1.06, (config.batch, 3, 1, 1)).astype(np.float32)
            self.step(*synthesizer.batch(batch * tint))

    def step(self, pasted: Tensor, clean: Tensor, mask: Tensor) -> None:
        """Run one step of the optimizer.

        Args:
            pasted, clean: (n, 3, HEIGHT, WIDTH) with and without anomalies.
            mask: (n, HEIGHT, WIDTH) 1 where an anomaly was pasted, else 0.
        """
        noisy = pasted + 0.015 * torch.randn_like(pasted)
        loss = self.loss(noisy, functional.avg_pool2d(clean, 2), mask)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()

    def loss(self, pasted: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
        """Return restoration loss plus weighted cross entropy of the log-odds of each place."""
        restored, odds = self.network.odds(pasted)
        target = functional.avg_pool2d(mask[:, None], 2)[:, 0]
        entropy = functional.binary_cross_entropy_with_logits(odds, target, reduction="none")
        doubt = (entropy * (1 + 6 * self.foreground(pasted) + 2 * target)).mean()
        loss: Tensor = self.restoration_loss(restored, clean, target) + 2 * doubt
        return loss

    def foreground(self, pasted: Tensor) -> Tensor:
        """Return (n, *HALF) 0 … 1: where an image is not background, and so hard to judge."""
        difference = functional.avg_pool2d(pasted, 2) - self.network.backdrop
        share: Tensor = (difference.abs().amax(1) / 0.12).clamp(max=1)
        return share

    def restoration_loss(self, restored: Tensor, clean: Tensor, target: Tensor) -> Tensor:
        """Return the mean L1 loss, weighted up where people are and where something was pasted."""
        foreground = ((clean - self.network.backdrop).abs().amax(1) / 0.12).clamp(max=1)
        weight = 1 + 4 * foreground + 2 * target
        loss: Tensor = 5 * ((restored - clean).abs().mean(1) * weight).mean()
        return loss


class GanTrainer(AutoencoderTrainer):
    """Training of the GAN: a discriminator compares restored and clean pictures."""

    def __init__(self, network: nn.Module, config: NoveltyTrainingConfig) -> None:
        super().__init__(network, config)
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 4, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(16, 32, 4, 2, 1),
            nn.LeakyReLU(0.2),
        )
        self.classifier = nn.Conv2d(32, 1, 3, 1, 1)
        weights = [*self.features.parameters(), *self.classifier.parameters()]
        self.discriminator = torch.optim.AdamW(weights, config.lr / 4, betas=(0.5, 0.999))

    def loss(self, pasted: Tensor, clean: Tensor, mask: Tensor) -> Tensor:
        """Return restoration, code and feature matching losses; train the discriminator once."""
        restored, distance = self.network(pasted)
        self.train_discriminator(restored.detach(), clean)
        target = functional.avg_pool2d(mask[:, None], 2)[:, 0]
        feature_matching = (self.features(restored) - self.features(clean)).square().mean()
        code = self.code_loss(distance, pasted, mask)
        loss: Tensor = self.restoration_loss(restored, clean, target) + code + feature_matching
        return loss

    def code_loss(self, distance: Tensor, pasted: Tensor, mask: Tensor) -> Tensor:
        """Pull the two codes together in ordinary places and 2 apart in pasted ones.

        Args:
            distance: (n, HEIGHT / 4, WIDTH / 4) between the codes.
            mask: (n, HEIGHT, WIDTH) 1 where an anomaly was pasted.
        """
        share = functional.avg_pool2d(mask[:, None], 4)[:, 0]
        weight = 1 + 6 * functional.max_pool2d(self.foreground(pasted)[:, None], 2)[:, 0]
        hinge = functional.relu(2 - distance).square()
        loss = distance.square() * (share == 0) + 2 * hinge * (share > 0.25)
        return (loss * weight).mean()

    def train_discriminator(self, restored: Tensor, clean: Tensor) -> None:
        """Run one step of the discriminator on both kinds of pictures, (n, 3, *HALF) each."""
        logits = self.classifier(self.features(torch.cat([clean, restored])))
        count = len(clean)
        labels = torch.cat([torch.ones_like(logits[:count]), torch.zeros_like(logits[count:])])
        loss = functional.binary_cross_entropy_with_logits(logits, labels)
        self.discriminator.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.discriminator.step()
