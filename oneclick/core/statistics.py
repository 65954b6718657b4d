"""Shares estimated from a few clips, with the interval that so few can bear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import ArrayLike

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A share and its confidence interval."""

    value: float
    low: float
    high: float
    clips: int
    """Clips that had anything to count."""


def ratio(
    parts: ArrayLike, wholes: ArrayLike, weights: ArrayLike | None = None, level: float = LEVEL
) -> Estimate | None:
    """The share sum(w·part) / sum(w·whole) over clips; None where there is nothing to count.

    The boxes of one clip are alike, so clips are the witnesses, not boxes: the variance is how much
    the ratio changes when a clip is left out (jackknife), and the interval is Clopper and Pearson's
    at the number of independent boxes that would have this variance (Korn and Graubard, 1998).
    Where all clips agree, each of them counts as one box.

    Args:
        parts: count of each clip, `(n,)`, at most its whole.
        wholes: what it is a part of, `(n,)`.
        weights: what each clip stands for, `(n,)`.

    Raises:
        ValueError: if a part is larger than its whole.
    """
    part, whole = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    weight = np.ones(len(part)) if weights is None else np.asarray(weights, np.float64)
    if (part > whole).any():
        raise ValueError("a part is larger than its whole")
    total = float(weight @ whole)
    if total <= 0:
        return None
    value = float(weight @ part) / total
    clips = int(((weight > 0) & (whole > 0)).sum())
    left = total - weight * whole
    without = weight * (part - value * whole) / np.where(left > 0, left, np.inf)
    boxes = _independent(value, float(without @ without), clips, whole.sum(), level)
    low, high = _clopper_pearson(value * boxes, boxes, level)
    return Estimate(value, min(low, value), max(high, value), clips)


def _independent(value: float, variance: float, clips: int, boxes: float, level: float) -> float:
    """How many independent boxes would say as much as these clips."""
    if clips < 2 or variance <= 0 or boxes <= 1:
        return float(clips)
    tail = (1 + level) / 2
    few = (scipy.special.stdtrit(boxes - 1, tail) / scipy.special.stdtrit(clips - 1, tail)) ** 2
    return float(min(value * (1 - value) / variance * few, boxes))


def _clopper_pearson(hits: float, n: float, level: float) -> tuple[float, float]:
    """Exact limits of a share, for a number of draws that need not be whole."""
    tail = (1 - level) / 2
    low = scipy.special.betaincinv(hits, n - hits + 1, tail) if hits > 0 else 0.0
    high = scipy.special.betaincinv(hits + 1, n - hits, 1 - tail) if hits < n else 1.0
    return float(low), float(high)
