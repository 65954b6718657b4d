"""Ratios estimated from a few clips, with confidence intervals that account for clustering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are used
from numpy.typing import ArrayLike

CONFIDENCE_LEVEL = 0.95


@dataclass(frozen=True)
class RatioEstimate:
    """A ratio and its confidence interval."""

    value: float
    low: float
    high: float
    clips: int
    """Clips with a denominator above 0."""

    @property
    def text(self) -> str:
        """Return ratio and interval in percent, as every screen shows them."""
        return f"{self.value:.0%} ({self.low:.0%}–{self.high:.0%})"


def ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    weights: ArrayLike | None = None,
    level: float = CONFIDENCE_LEVEL,
) -> RatioEstimate | None:
    """Estimate the ratio sum(w · numerator) / sum(w · denominator) over clips.

    The boxes of one clip are correlated, so clips are the sampling unit, not boxes: the variance is
    the jackknife's over clips, and the interval is that of Clopper and Pearson at the effective
    number of independent boxes with this variance (Korn and Graubard, 1998). Where all clips agree,
    each of them counts as one box.

    Args:
        numerators: count of each clip, `(n,)`, at most its denominator.
        denominators: `(n,)`.
        weights: sampling weight of each clip, `(n,)`.
        level: confidence level of the interval.

    Returns:
        The estimate, or None if the denominators sum to 0.

    Raises:
        ValueError: if a numerator is larger than its denominator.
    """
    part, total = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    weight = np.ones(len(part)) if weights is None else np.asarray(weights, np.float64)
    if (part > total).any():
        raise ValueError("a part is larger than its whole")
    weighted_total = float(weight @ total)
    if weighted_total <= 0:
        return None
    value = float(weight @ part) / weighted_total
    clips = int(((weight > 0) & (total > 0)).sum())
    remainder = weighted_total - weight * total
    influence = weight * (part - value * total) / np.where(remainder > 0, remainder, np.inf)
    boxes = effective_sample_size(value, float(influence @ influence), clips, total.sum(), level)
    low, high = clopper_pearson(value * boxes, boxes, level)
    return RatioEstimate(value, min(low, value), max(high, value), clips)


def effective_sample_size(
    value: float, variance: float, clips: int, boxes: float, level: float
) -> float:
    """Return the number of independent boxes whose ratio `value` would have this `variance`.

    The correction for a small number of clips is the squared ratio of the quantiles of Student's t.
    """
    if clips < 2 or variance <= 0 or boxes <= 1:
        return float(clips)
    tail = (1 + level) / 2
    correction = (
        scipy.special.stdtrit(boxes - 1, tail) / scipy.special.stdtrit(clips - 1, tail)
    ) ** 2
    return float(min(value * (1 - value) / variance * correction, boxes))


def clopper_pearson(successes: float, trials: float, level: float) -> tuple[float, float]:
    """Return the exact binomial confidence limits; counts need not be whole numbers."""
    tail = (1 - level) / 2
    low = (
        scipy.special.betaincinv(successes, trials - successes + 1, tail) if successes > 0 else 0.0
    )
    high = (
        scipy.special.betaincinv(successes + 1, trials - successes, 1 - tail)
        if successes < trials
        else 1.0
    )
    return float(low), float(high)
