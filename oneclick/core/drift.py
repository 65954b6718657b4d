"""Drift between two distributions: population stability index with a bootstrap interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEAST = 0.5
"""Count added to every bin: an empty one would make the index infinite."""
RESAMPLES = 500
LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class DriftEstimate:
    """Population stability index and its confidence interval.

    Below 0.1 two distributions count as the same, above 0.25 as different (Siddiqi, 2006). Two
    samples of one distribution give an index above 0 too: `noise` is what they give by chance.
    """

    value: float
    low: float
    high: float
    noise: float
    """95th percentile of the index between two samples of both weeks mixed."""

    @property
    def is_clear(self) -> bool:
        """Check whether the distributions differ by more than chance."""
        return self.value > self.noise

    @property
    def text(self) -> str:
        """Return index and interval, as every screen shows them."""
        mark = "" if self.is_clear else " (chance)"
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f}){mark}"


def stability_index(before: ArrayLike, after: ArrayLike) -> NDArray[np.float64]:
    """Return the population stability index of histograms, `(…, bins)` each, as `(…,)`."""
    shares = []
    for counts in (before, after):
        histogram = np.asarray(counts, np.float64) + LEAST
        shares.append(histogram / histogram.sum(-1, keepdims=True))
    old, new = shares
    return np.asarray(((new - old) * np.log(new / old)).sum(-1))


def estimate_drift(before: ArrayLike, after: ArrayLike, seed: int = 0) -> DriftEstimate | None:
    """Estimate the drift between two weeks of histograms, `(pieces, bins)` each.

    Pieces (videos) are drawn anew with replacement, not boxes: those of one video are alike. None
    where a week has fewer than two pieces, or no box.
    """
    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if min(len(old), len(new)) < 2 or not old.sum() or not new.sum():
        return None
    random = np.random.default_rng(seed)
    mixed = np.concatenate([old, new])
    drawn = stability_index(_draw(old, random, len(old)), _draw(new, random, len(new)))
    chance = stability_index(_draw(mixed, random, len(old)), _draw(mixed, random, len(new)))
    value = float(stability_index(old.sum(0), new.sum(0)))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail])
    return DriftEstimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        noise=float(np.percentile(chance, 100 * LEVEL)),
    )


def _draw(
    pieces: NDArray[np.float64], random: np.random.Generator, count: int
) -> NDArray[np.float64]:
    """Return summed histograms of `count` pieces drawn with replacement, (RESAMPLES, bins)."""
    picks = random.integers(0, len(pieces), (RESAMPLES, count))
    cells = picks + len(pieces) * np.arange(RESAMPLES)[:, None]
    times = np.bincount(cells.ravel(), minlength=RESAMPLES * len(pieces))
    return np.asarray(times.reshape(RESAMPLES, len(pieces)) @ pieces)
