"""Shares of the budget by trigger, moved week by week towards triggers that find more errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

MIN_SHARE = 0.01
"""Smallest share of a trigger: one that is never selected can never show that it finds errors."""
LEARNING_RATE = 0.3
"""Step of a week from the old shares towards those in proportion to the week's error rates."""
PRIOR_SECONDS = 60.0
"""Reviewed video at the mean error rate that is added to every trigger's reviews of a week."""


@dataclass(frozen=True)
class ReviewYield:
    """Result of reviewing the clips of one trigger."""

    errors: float = 0.0
    """Errors of the model that reviewers found in them."""
    seconds: float = 0.0
    """Duration of the reviewed video."""

    def __add__(self, other: ReviewYield) -> ReviewYield:
        return ReviewYield(self.errors + other.errors, self.seconds + other.seconds)


def shares_after_weeks(
    triggers: Iterable[str], weeks: Iterable[Mapping[str, ReviewYield]]
) -> dict[str, float]:
    """Compute the shares, sum 1, after some weeks, oldest first; they are equal at the start."""
    names = sorted(triggers)
    shares = dict.fromkeys(names, 1 / len(names)) if names else {}
    for yields in weeks:
        shares = update_shares(shares, yields)
    return shares


def update_shares(
    shares: Mapping[str, float], yields: Mapping[str, ReviewYield]
) -> dict[str, float]:
    """Return the shares after one week of reviews, each at least `MIN_SHARE`, with sum 1."""
    target = shares_by_error_rate(shares, yields)
    moved_shares = {
        name: (1 - LEARNING_RATE) * share + LEARNING_RATE * target[name]
        for name, share in shares.items()
    }
    floor = min(MIN_SHARE, 1 / len(shares)) if shares else 0.0
    above = {name: max(share - floor, 0.0) for name, share in moved_shares.items()}
    total, free = sum(above.values()), 1 - floor * len(shares)
    return {name: floor + (free * part / total if total else 0.0) for name, part in above.items()}


def shares_by_error_rate(
    shares: Mapping[str, float], yields: Mapping[str, ReviewYield]
) -> dict[str, float]:
    """Return shares in proportion to errors per reviewed second, smoothed towards the mean rate.

    `shares` come back unchanged where no error was found.
    """
    reviews = {name: yields.get(name, ReviewYield()) for name in shares}
    total = sum(reviews.values(), ReviewYield())
    mean = total.errors / total.seconds if total.seconds > 0 else 0.0
    rates = {
        name: (review.errors + PRIOR_SECONDS * mean) / (review.seconds + PRIOR_SECONDS)
        for name, review in reviews.items()
    }
    sum_of_rates = sum(rates.values())
    if not 0 < sum_of_rates < inf:
        return dict(shares)
    return {name: rate / sum_of_rates for name, rate in rates.items()}
