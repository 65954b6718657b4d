"""Which images a training sees, in which order: a shuffle that needs no list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from oneclick.core import shuffle
from oneclick.core.datasets import DatasetClip
from oneclick.storage.manifest_index import Index

VISITS = (4, 2)
AGAIN = 0.07
WINDOW = 64
"""Visits that go on at a time; each clip comes again after so many draws. As a multiple of a batch
times the loader processes, it comes to the process that has its annotation open."""


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

    A walk goes by visits: `visit` images of one clip, far apart in it, so that its annotation is
    opened once for all of them.

    Args:
        frames: (clips,).
        stride: every n-th frame of a clip is an image.
        weights: (clips,) how often each clip is drawn beside the others.
        visit: images of a visit.
    """

    def __init__(
        self,
        frames: NDArray[np.int64],
        stride: int,
        weights: NDArray[np.float64] | None = None,
        visit: int = 1,
    ) -> None:
        self.stride, self.visit = stride, visit
        self.images = -(-frames // stride)
        self.visits = -(-self.images // visit)
        self.length = int(self.visits.sum())
        """Visits in one epoch."""
        self._weights = np.ones(len(frames)) if weights is None else weights
        self._ends = np.cumsum(self.visits * self._weights)

    def at(
        self, places: NDArray[np.int64], phases: NDArray[np.int64], offset: float = 0.5
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Clips and frames of these visits of 0 … length - 1; systematic sampling from `offset`.

        With equal weights every place is another visit.

        Args:
            phases: (n,) which image of the visit, 0 … visit - 1.
        """
        where = (places + offset) * (self._ends[-1] / self.length)
        clips = np.searchsorted(self._ends, where, side="right").clip(max=len(self._ends) - 1)
        visits = self.visits[clips]
        into = where - (self._ends[clips] - visits * self._weights[clips])
        number = (into / self._weights[clips]).astype(np.int64).clip(0, visits - 1)
        return clips, (number + phases * visits) % self.images[clips] * self.stride


def visit(images: NDArray[np.int64]) -> int:
    """How many images a visit to a clip shows, where clips have these numbers of them.

    Short clips would repeat theirs: at most AGAIN of all draws may be repetitions.
    """
    every = int(images.sum())
    fit = (n for n in VISITS if int((-(-images // n)).sum()) * n <= (1 + AGAIN) * every)
    return next(fit, 1)


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
        seed, length, visit = self.plan.seed, self.walk.length, self.walk.visit
        windows, within = np.divmod(numbers, WINDOW * visit)
        phases, slots = np.divmod(within, WINDOW)
        epochs, places = np.divmod(windows * WINDOW + slots, length)
        for epoch in np.unique(epochs).tolist():
            here = epochs == epoch
            moved = shuffle.permute(places[here], length, (seed, epoch))
            offset = np.random.default_rng((seed, epoch, 1)).random()
            clips, frames = self.walk.at(moved, phases[here], offset)
            for number, clip, frame in zip(numbers[here], clips, frames, strict=True):
                yield Draw(int(clip), int(frame), seed * 1_000_003 + int(number))


def in_order(walk: Walk, most: int | None = None) -> list[Draw]:
    """Plain images of a walk by visits of one; with `most`, so many spread evenly over all."""
    count = walk.length if most is None else min(most, walk.length)
    places = np.arange(count) * walk.length // max(count, 1)
    clips, frames = walk.at(places, np.zeros(count, np.int64))
    return [Draw(int(clip), int(frame)) for clip, frame in zip(clips, frames, strict=True)]


def weights(index: Index, wanted: Mapping[str, float]) -> NDArray[np.float64] | None:
    """(clips,) how often each clip is drawn; None where all are drawn alike.

    Args:
        wanted: factors by what led to a clip (trigger, control, novelty, floor, imported) and the
            letter of the origin of its boxes, these by their share.
    """
    if not any(factor != 1 for factor in wanted.values()):
        return None
    return np.array([_weight(index.clip(k), wanted) for k in range(len(index))])


def _weight(clip: DatasetClip, wanted: Mapping[str, float]) -> float:
    boxes = sum(clip.origins.values())
    by_origin = sum(wanted.get(o, 1.0) * n for o, n in clip.origins.items()) / boxes if boxes else 1
    return wanted.get(clip.led_by or clip.chosen_by, 1.0) * by_origin
