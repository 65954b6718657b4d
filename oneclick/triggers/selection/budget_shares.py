"""Shares of the budget: they move week by week towards the triggers that pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

FLOOR = 0.01
"""Share that every trigger keeps: one that is never tried can never pay."""
PULL = 0.3
"""How far a week moves the shares towards what it paid."""
PATIENCE = 60.0
"""Seconds of reviewed video that an average trigger's worth weighs against a week's reviews."""


@dataclass(frozen=True)
class Paid:
    """What the clips of one trigger brought."""

    errors: float = 0.0
    """Errors of the model that were found in them."""
    seconds: float = 0.0
    """Video that was reviewed."""

    def __add__(self, other: Paid) -> Paid:
        return Paid(self.errors + other.errors, self.seconds + other.seconds)


def over_weeks(triggers: Iterable[str], weeks: Iterable[Mapping[str, Paid]]) -> dict[str, float]:
    """Shares after some weeks, oldest first; all are equal before the first. Their sum is 1."""
    names = sorted(triggers)
    now = dict.fromkeys(names, 1 / len(names)) if names else {}
    for paid in weeks:
        now = moved(now, paid)
    return now


def moved(before: Mapping[str, float], paid: Mapping[str, Paid]) -> dict[str, float]:
    """Shares after one week."""
    aim = _aim(before, paid)
    pulled = {name: (1 - PULL) * share + PULL * aim[name] for name, share in before.items()}
    return _floored(pulled)


def _aim(before: Mapping[str, float], paid: Mapping[str, Paid]) -> dict[str, float]:
    """Shares in proportion to errors per second, drawn towards the mean where little was seen."""
    known = {name: paid.get(name, Paid()) for name in before}
    whole = sum(known.values(), Paid())
    mean = whole.errors / whole.seconds if whole.seconds > 0 else 0.0
    rates = {
        name: (one.errors + PATIENCE * mean) / (one.seconds + PATIENCE)
        for name, one in known.items()
    }
    total = sum(rates.values())
    if not 0 < total < inf:
        return dict(before)
    return {name: rate / total for name, rate in rates.items()}


def _floored(shares: Mapping[str, float]) -> dict[str, float]:
    """The same shares above a floor, with sum 1."""
    floor = min(FLOOR, 1 / len(shares)) if shares else 0.0
    above = {name: max(share - floor, 0.0) for name, share in shares.items()}
    total, free = sum(above.values()), 1 - floor * len(shares)
    return {name: floor + (free * more / total if total else 0.0) for name, more in above.items()}
