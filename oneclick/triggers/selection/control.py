"""Estimates from control clips, which are drawn at random: error rate of the model and recall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oneclick.core import statistics
from oneclick.core.statistics import RatioEstimate
from oneclick.triggers.hit_evaluation import HitEvaluation


@dataclass(frozen=True)
class ControlClip:
    """One reviewed control clip."""

    represented_seconds: float
    """Seconds of video that the clip was drawn from, divided by the clips of the draw."""
    seconds: float
    """Length of the clip."""
    evaluation: HitEvaluation


@dataclass(frozen=True)
class ControlEstimates:
    """Ratios over all video, each None where the clips do not suffice for an estimate."""

    error_rate: RatioEstimate | None
    """False positives and false negatives, of all objects (these and true positives)."""
    recall: RatioEstimate | None
    """Errors on which a trigger fired, of all errors."""
    found: RatioEstimate | None
    """Errors in reviewed clips that triggers selected, of all errors."""


def estimate(clips: Sequence[ControlClip], reviewed_errors: int) -> ControlEstimates:
    """Estimate ratios over all video, with confidence intervals, from clips drawn at random.

    Each clip is weighted by the video it represents, so draws of different size add up.

    Args:
        clips: reviewed control clips.
        reviewed_errors: errors in the reviewed clips that triggers selected.
    """
    weights = [clip.represented_seconds / clip.seconds for clip in clips]
    errors = [clip.evaluation.errors for clip in clips]
    objects = [clip.evaluation.objects for clip in clips]
    flagged = [clip.evaluation.flagged_errors for clip in clips]
    error_rate = statistics.ratio(errors, objects, weights)
    return ControlEstimates(
        error_rate,
        statistics.ratio(flagged, errors, weights),
        share_of_errors(reviewed_errors, error_rate, float(np.dot(weights, objects))),
    )


def share_of_errors(
    errors: int, error_rate: RatioEstimate | None, objects: float
) -> RatioEstimate | None:
    """Return `errors` as a share of those that `error_rate` predicts for `objects`, at most 1.

    None where there is no error rate, or neither an error nor a predicted one.
    """
    if error_rate is None or (not errors and not error_rate.value):
        return None
    if not errors:
        return RatioEstimate(0.0, 0.0, 0.0, error_rate.clips)

    def share(rate: float) -> float:
        return min(1.0, errors / (rate * objects)) if rate else 1.0

    low, high = share(error_rate.high), share(error_rate.low)
    return RatioEstimate(share(error_rate.value), low, high, error_rate.clips)
