"""Sampling order of the images: a shuffle that needs no list of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from oneclick.core import shuffle
from oneclick.core.datasets import DatasetClip
from oneclick.storage.manifest_index import ManifestIndex

VISIT_LENGTHS = (4, 2)
"""Images per visit to a clip, the longest first."""
MAX_REPEATED = 0.07
"""Share of all samples that may be repetitions because clips are shorter than their visits."""
WINDOW = 64
"""Visits in progress at a time; each clip comes again after so many samples. As a multiple of a
batch times the loader processes, it comes to the process that has its annotation open."""


@dataclass(frozen=True, slots=True)
class ImageSample:
    """An image to load, and the seed of its augmentation; None leaves it as it is."""

    clip: int
    """Number of the clip in its split."""
    frame: int
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class SamplingPlan:
    """How many images training samples, and which share of them this rank loads."""

    steps: int
    batch: int
    """Images a step, over all ranks."""
    seed: int = 0
    start: int = 0
    """First step; an earlier process did the ones before it."""
    rank: int = 0
    ranks: int = 1


class VisitIndex:
    """All images of a split laid end to end, clips of double weight twice as long.

    The unit is a visit: `visit` images of one clip, far apart in it, so that its annotation is
    opened once for all of them.

    Args:
        frames: (clips,).
        stride: every n-th frame of a clip is an image.
        weights: (clips,) relative sampling frequency of each clip.
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
        """Return clips and frames (n,) of visits; systematic sampling from `offset`.

        With equal weights every place is another visit. Without any image there is none.

        Args:
            places: (n,) in 0 … length - 1.
            phases: (n,) which image of the visit, 0 … visit - 1.
            offset: 0 … 1, equal for a whole epoch.
        """
        if not self.length:  # a dataset without a test clip
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        position = (places + offset) * (self._ends[-1] / self.length)
        clips = np.searchsorted(self._ends, position, side="right").clip(max=len(self._ends) - 1)
        visits = self.visits[clips]
        into_clip = position - (self._ends[clips] - visits * self._weights[clips])
        number = (into_clip / self._weights[clips]).astype(np.int64).clip(0, visits - 1)
        return clips, (number + phases * visits) % self.images[clips] * self.stride


def visit_length(images: NDArray[np.int64]) -> int:
    """Return how many images a visit shows, where clips have these numbers of images, (clips,).

    Visits to short clips would repeat images: at most MAX_REPEATED of all samples may be repeated.
    """
    total = int(images.sum())
    fit = (
        length
        for length in VISIT_LENGTHS
        if int((-(-images // length)).sum()) * length <= (1 + MAX_REPEATED) * total
    )
    return next(fit, 1)


class TrainingSampler(Sampler[ImageSample]):
    """An endlessly repeated, shuffled walk over all visits: this rank's share of every step.

    The n-th sample of all ranks together depends on the seed and n only, so a training can resume
    at any step and with any number of ranks.
    """

    def __init__(self, visits: VisitIndex, plan: SamplingPlan) -> None:
        self.visits, self.plan = visits, plan
        self.share = plan.batch // plan.ranks
        """Images of this rank per step."""

    def __len__(self) -> int:
        return (self.plan.steps - self.plan.start) * self.share

    def __iter__(self) -> Iterator[ImageSample]:
        for step in range(self.plan.start, self.plan.steps):
            low = step * self.plan.batch + self.plan.rank * self.share
            yield from self.samples(np.arange(low, low + self.share))

    def samples(self, numbers: NDArray[np.int64]) -> Iterator[ImageSample]:
        """Yield the samples of these numbers in the order of all ranks, (n,)."""
        seed, length, visit = self.plan.seed, self.visits.length, self.visits.visit
        windows, within = np.divmod(numbers, WINDOW * visit)
        phases, slots = np.divmod(within, WINDOW)
        epochs, places = np.divmod(windows * WINDOW + slots, length)
        for epoch in np.unique(epochs).tolist():
            rows = epochs == epoch
            shuffled = shuffle.permute(places[rows], length, (seed, epoch))
            offset = np.random.default_rng((seed, epoch, 1)).random()
            clips, frames = self.visits.at(shuffled, phases[rows], offset)
            for number, clip, frame in zip(numbers[rows], clips, frames, strict=True):
                yield ImageSample(int(clip), int(frame), seed * 1_000_003 + int(number))


def plain_samples(visits: VisitIndex, most: int | None = None) -> list[ImageSample]:
    """Return all images in order, or `most` spread evenly over them; visits are of one image."""
    count = visits.length if most is None else min(most, visits.length)
    places = np.arange(count) * visits.length // max(count, 1)
    clips, frames = visits.at(places, np.zeros(count, np.int64))
    return [ImageSample(int(clip), int(frame)) for clip, frame in zip(clips, frames, strict=True)]


def clip_weights(index: ManifestIndex, factors: Mapping[str, float]) -> NDArray[np.float64] | None:
    """Return the relative sampling frequency of each clip, (clips,); None where all are equal.

    Args:
        factors: by what led to a clip (trigger, control, novelty, floor, imported), and by the
            letter of the origin of its boxes, averaged over them.
    """
    if all(factor == 1 for factor in factors.values()):
        return None
    return np.array([clip_weight(index.clip(k), factors) for k in range(len(index))])


def clip_weight(clip: DatasetClip, factors: Mapping[str, float]) -> float:
    """Return the sampling weight of one clip; `factors` as in `clip_weights`."""
    boxes, mean_factor = sum(clip.origins.values()), 1.0
    if boxes:
        mean_factor = sum(factors.get(o, 1.0) * n for o, n in clip.origins.items()) / boxes
    return factors.get(clip.led_by or clip.chosen_by, 1.0) * mean_factor
