"""Train the autoencoder or the GAN of one camera on its ordinary frames (detectors/novelty.py).

Nobody has pictures of what never happened, so they are made: into four of five frames things
are pasted (the room's own people laid on the floor, shapes in colours of chance, a cover over a
part of the lens), and the network has to give the frame back as it was: with the people on their
feet, on chairs and in beds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from oneclick.core import progress
from oneclick.core.errors import UnknownName, UsageError
from oneclick.detectors import novelty, novelty_nets
from oneclick.detectors.base import Frame
from oneclick.detectors.novelty import HEIGHT, WIDTH, Floats, Kind, Novelty, Usual
from oneclick.training import anomaly_synthesis

if TYPE_CHECKING:
    from torch import Tensor, nn

FEWEST = 40
"""Frames; fewer show no room."""


@dataclass(frozen=True)
class Config:
    """How to train; the same for all cameras."""

    steps: int = 400
    batch: int = 16
    lr: float = 3e-3
    held_out: float = 0.2
    """Share of the frames, the last ones, that only the statistics see."""
    quantile: float = 0.999
    """The alarm's level among the held-out frames."""
    seed: int = 0


def sample(frames: Iterable[Frame], stride: int = 1) -> NDArray[np.uint8]:
    """Every `stride`-th frame, shrunk: (n, HEIGHT, WIDTH, 3) RGB."""
    kept = [novelty.shrink(frame) for k, frame in enumerate(frames) if k % stride == 0]
    return np.stack(kept) if kept else np.zeros((0, HEIGHT, WIDTH, 3), np.uint8)


def fit(kind: Kind, frames: NDArray[np.uint8], config: Config | None = None) -> Novelty:
    """A model of one camera from its ordinary frames in order of time; CPU, the same every time.

    Args:
        frames: (n, HEIGHT, WIDTH, 3) RGB as `sample` makes them; those of several days one after
            the other.

    Raises:
        UnknownName: nothing is called `kind`. UsageError: too few frames, or of another size.
    """
    config = config or Config()
    _check(kind, frames)
    background = np.median(frames[:: max(1, len(frames) // 200)], 0).transpose(2, 0, 1)
    background = np.ascontiguousarray(background / 255, np.float32)
    images = novelty.evened(frames, background)
    own = len(images) - max(1, round(config.held_out * len(images)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = novelty_nets.build(kind, background)
        learner = (_Learner if kind == "novelty-autoencoder" else _Adversary)(network, config)
        _train(learner, images[:own], background, config)
    return _measured(kind, network.eval(), background, frames[own:], config)


def _check(kind: str, frames: NDArray[np.uint8]) -> None:
    if kind not in novelty.KINDS:
        raise UnknownName("model of novelty", kind, novelty.KINDS)
    if frames.shape[1:] != (HEIGHT, WIDTH, 3):
        raise UsageError(f"frames of {frames.shape[1:]}: shrink them with novelty.sample first")
    if len(frames) < FEWEST:
        raise UsageError(
            f"{len(frames)} frames are too few to learn what is ordinary; give {FEWEST} or more"
        )


def _measured(
    kind: Kind, network: nn.Module, background: Floats, held: NDArray[np.uint8], config: Config
) -> Novelty:
    """The model with its statistics and level, from frames that it was not trained on."""
    doubt, error = novelty_nets.maps(network, novelty.evened(held, background))
    model = Novelty(kind, network, background, Usual.of(doubt), Usual.of(error), 1.0)
    model.level = max(1e-6, float(np.quantile(model.score_small(held), config.quantile)))
    return model


def _train(learner: _Learner, images: Floats, background: Floats, config: Config) -> None:
    rng = np.random.default_rng(config.seed)
    forger = anomaly_synthesis.Forger(images, background, rng)
    learner.network.train()
    for _ in progress.track("train novelty", range(config.steps), config.steps):
        chosen = images[rng.integers(len(images), size=config.batch)]
        tint = rng.uniform(0.94, 1.06, (config.batch, 3, 1, 1)).astype(np.float32)
        learner.step(*forger.batch(chosen * tint))


class _Learner:
    """Steps of the autoencoder."""

    def __init__(self, network: nn.Module, config: Config) -> None:
        self.network: Any = network
        self.optimizer = torch.optim.AdamW(network.parameters(), config.lr, weight_decay=1e-4)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, config.lr, config.steps, pct_start=0.1
        )

    def step(self, forged: Tensor, true: Tensor, pasted: Tensor) -> None:
        """One batch: (n, 3, HEIGHT, WIDTH) with pastes, as it was, and (n, H, W) where they are."""
        noisy = forged + 0.015 * torch.randn_like(forged)
        loss = self.loss(noisy, functional.avg_pool2d(true, 2), pasted)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.schedule.step()

    def loss(self, forged: Tensor, true: Tensor, pasted: Tensor) -> Tensor:
        restored, odds = self.network.odds(forged)
        places = functional.avg_pool2d(pasted[:, None], 2)[:, 0]
        said = functional.binary_cross_entropy_with_logits(odds, places, reduction="none")
        doubt = (said * (1 + 6 * self.foreground(forged) + 2 * places)).mean()
        whole: Tensor = self.restoring(restored, true, places) + 2 * doubt
        return whole

    def foreground(self, forged: Tensor) -> Tensor:
        """(n, *HALF) 0 … 1: where an image is not background, and so hard to judge."""
        away = functional.avg_pool2d(forged, 2) - self.network.backdrop
        share: Tensor = (away.abs().amax(1) / 0.12).clamp(max=1)
        return share

    def restoring(self, restored: Tensor, true: Tensor, places: Tensor) -> Tensor:
        """L1, heavier where people are and where something was pasted."""
        busy = ((true - self.network.backdrop).abs().amax(1) / 0.12).clamp(max=1)
        weight = 1 + 4 * busy + 2 * places
        loss: Tensor = 5 * ((restored - true).abs().mean(1) * weight).mean()
        return loss


class _Adversary(_Learner):
    """Steps of the GAN: a critic looks at restored and at true pictures."""

    def __init__(self, network: nn.Module, config: Config) -> None:
        super().__init__(network, config)
        self.features, self.verdict = _critic()
        weights = [*self.features.parameters(), *self.verdict.parameters()]
        self.critic = torch.optim.AdamW(weights, config.lr / 4, betas=(0.5, 0.999))

    def loss(self, forged: Tensor, true: Tensor, pasted: Tensor) -> Tensor:
        restored, distance = self.network(forged)
        self._criticise(restored.detach(), true)
        places = functional.avg_pool2d(pasted[:, None], 2)[:, 0]
        alike = (self.features(restored) - self.features(true)).square().mean()
        codes = self._codes(distance, forged, pasted)
        whole: Tensor = self.restoring(restored, true, places) + codes + alike
        return whole

    def _codes(self, distance: Tensor, forged: Tensor, pasted: Tensor) -> Tensor:
        """The two codes agree where nothing was pasted and lie a distance of 2 apart elsewhere."""
        share = functional.avg_pool2d(pasted[:, None], 4)[:, 0]
        hard = 1 + 6 * functional.max_pool2d(self.foreground(forged)[:, None], 2)[:, 0]
        apart = functional.relu(2 - distance).square()
        wrong = distance.square() * (share == 0) + 2 * apart * (share > 0.25)
        return (wrong * hard).mean()

    def _criticise(self, made: Tensor, true: Tensor) -> None:
        said = self.verdict(self.features(torch.cat([true, made])))
        right = torch.cat([torch.ones_like(said[: len(true)]), torch.zeros_like(said[len(true) :])])
        loss = functional.binary_cross_entropy_with_logits(said, right)
        self.critic.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic.step()


def _critic() -> tuple[nn.Module, nn.Module]:
    """A small convolutional discriminator: its features, and its verdict on each place."""
    from torch import nn

    features = nn.Sequential(
        nn.Conv2d(3, 16, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(16, 32, 4, 2, 1),
        nn.LeakyReLU(0.2),
    )
    return features, nn.Conv2d(32, 1, 3, 1, 1)
