"""Which images a training sees, in which order: a shuffle that needs no list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from oneclick.core import shuffle
from oneclick.core.datasets import DatasetClip
from oneclick.io.index import Index


@dataclass(frozen=True, slots=True)
class Draw:
    """An image to fetch, and the number that seeds its augmentation; None leaves it plain."""

    clip: int
    """Number of the clip in its split."""
    frame: int
    seed: int | None = None


@dataclass(frozen=True)
class Plan:
    """How much is drawn, and which part of it here."""

    steps: int
    batch: int
    """Images a step, over all ranks."""
    seed: int = 0
    start: int = 0
    """First step; the ones before it were done by an earlier process."""
    rank: int = 0
    ranks: int = 1


class Walk:
    """All images of a split laid end to end, clips of double weight twice as long.

    Args:
        frames: (clips,).
        stride: every n-th frame of a clip is an image.
        weights: (clips,) how often each clip is drawn beside the others.
    """

    def __init__(
        self, frames: NDArray[np.int64], stride: int, weights: NDArray[np.float64] | None = None
    ) -> None:
        self.stride = stride
        self.images = -(-frames // stride)
        self.length = int(self.images.sum())
        self._weights = np.ones(len(frames)) if weights is None else weights
        self._ends = np.cumsum(self.images * self._weights)

    def at(
        self, places: NDArray[np.int64], offset: float = 0.5
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Clips and frames at these places of 0 … length - 1; systematic sampling from `offset`.

        With equal weights every place is another image.
        """
        where = (places + offset) * (self._ends[-1] / self.length)
        clips = np.searchsorted(self._ends, where, side="right").clip(max=len(self._ends) - 1)
        into = where - (self._ends[clips] - self.images[clips] * self._weights[clips])
        frames = (into / self._weights[clips]).astype(np.int64).clip(0, self.images[clips] - 1)
        return clips, frames * self.stride


class Draws(Sampler[Draw]):
    """A shuffled walk, again and again: this rank's part of every step.

    The n-th draw of all ranks together depends on the seed and n only, so a walk can be taken up
    at any step and by any number of ranks.
    """

    def __init__(self, walk: Walk, plan: Plan) -> None:
        self.walk, self.plan = walk, plan
        self.share = plan.batch // plan.ranks

    def __len__(self) -> int:
        return (self.plan.steps - self.plan.start) * self.share

    def __iter__(self) -> Iterator[Draw]:
        for step in range(self.plan.start, self.plan.steps):
            low = step * self.plan.batch + self.plan.rank * self.share
            yield from self._draw(np.arange(low, low + self.share))

    def _draw(self, numbers: NDArray[np.int64]) -> Iterator[Draw]:
        seed, length = self.plan.seed, self.walk.length
        epochs, places = np.divmod(numbers, length)
        for epoch in np.unique(epochs).tolist():
            here = numbers[epochs == epoch]
            moved = shuffle.permute(places[epochs == epoch], length, (seed, epoch))
            offset = np.random.default_rng((seed, epoch, 1)).random()
            clips, frames = self.walk.at(moved, offset)
            for number, clip, frame in zip(here, clips, frames, strict=True):
                yield Draw(int(clip), int(frame), seed * 1_000_003 + int(number))


def in_order(walk: Walk, most: int | None = None) -> list[Draw]:
    """Plain images in order; with `most`, so many spread evenly over all."""
    count = walk.length if most is None else min(most, walk.length)
    places = np.arange(count) * walk.length // max(count, 1)
    clips, frames = walk.at(places)
    return [Draw(int(clip), int(frame)) for clip, frame in zip(clips, frames, strict=True)]


def weights(index: Index, wanted: Mapping[str, float]) -> NDArray[np.float64] | None:
    """(clips,) how often each clip is drawn; None where all are drawn alike.

    Args:
        wanted: factors by what led to a clip (a trigger, or control, novelty, floor) and by the
            letter of the origin of its boxes, these by their share.
    """
    if not any(factor != 1 for factor in wanted.values()):
        return None
    return np.array([_weight(index.clip(k), wanted) for k in range(len(index))])


def _weight(clip: DatasetClip, wanted: Mapping[str, float]) -> float:
    boxes = sum(clip.origins.values())
    by_origin = sum(wanted.get(o, 1.0) * n for o, n in clip.origins.items()) / boxes if boxes else 1
    return wanted.get(clip.led_by or clip.chosen_by, 1.0) * by_origin
