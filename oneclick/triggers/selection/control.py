"""What the control clips say about all video: how often the model errs, and what triggers miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oneclick.core import statistics
from oneclick.core.statistics import Estimate
from oneclick.triggers.hit_evaluation import Testimony


@dataclass(frozen=True)
class Drawn:
    """One control clip that a person has reviewed."""

    stands_for: float
    """Seconds of video that it speaks for."""
    seconds: float
    """Its own length."""
    said: Testimony


@dataclass(frozen=True)
class Control:
    """Shares of all video, each None where nothing can be said yet."""

    error_rate: Estimate | None
    """Objects missed or invented, of all objects found, missed or invented."""
    recall: Estimate | None
    """Errors on which a trigger fired, of all errors."""
    found: Estimate | None
    """Errors in the clips that triggers chose and people reviewed, of all errors."""


def estimate(drawn: Sequence[Drawn], seen: int) -> Control:
    """Estimates with their intervals from clips drawn at random.

    Each clip is weighed by the video it stands for, so draws of several weeks and sizes add up.

    Args:
        drawn: control clips.
        seen: errors in the reviewed clips that triggers chose.
    """
    weights = [one.stands_for / one.seconds for one in drawn]
    errors = [one.said.errors for one in drawn]
    objects = [one.said.objects for one in drawn]
    caught = [one.said.caught for one in drawn]
    rate = statistics.ratio(errors, objects, weights)
    everything = float(np.dot(weights, objects))
    return Control(
        rate,
        statistics.ratio(caught, errors, weights),
        _found(rate, everything, seen) if rate else None,
    )


def _found(rate: Estimate, objects: float, seen: int) -> Estimate | None:
    """Errors seen, of those that the control clips lead to expect in all video."""
    if not seen and not rate.value:
        return None

    def share(rate: float) -> float:
        return min(1.0, seen / (rate * objects)) if rate else 1.0

    if not seen:
        return Estimate(0.0, 0.0, 0.0, rate.clips)
    return Estimate(share(rate.value), share(rate.high), share(rate.low), rate.clips)
