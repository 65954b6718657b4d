"""Reliability of each labeller, learned from clips that people reviewed.

Scores of different models are not comparable, and models of one family make the same errors. So
each model's scores are calibrated to probabilities (Platt, 1999), and the weights of these
probabilities are learned in a second logistic regression over all models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes, logistic
from oneclick.hindsight import confidence

FloatArray = NDArray[np.float64]

PRIOR_OFFSET, PRIOR_SLOPE = 0.0, 2.5
"""Calibration before the first review: even odds at the threshold, better above it."""
PRIOR_BIAS, PRIOR_TEAM_WEIGHT = -3.0, 7.0
"""Log-odds of an object that no model detects, and what all models together add to them."""
PRIOR_SPREAD = 0.05
"""Error of a side of a box, in box heights, before the first review."""
Fusion = Literal["weights", "votes", "best"]
"""How a team labels: by learned weights, by votes for boxes of its best, or by its best alone."""


@dataclass(frozen=True, kw_only=True)
class Skill:
    """Calibration, weight and box error of one labeller."""

    offset: float = PRIOR_OFFSET
    """Log-odds that a box at its threshold is right."""
    slope: float = PRIOR_SLOPE
    """Increase of the log-odds where the score is e times as high."""
    weight: float = PRIOR_TEAM_WEIGHT
    """Log-odds that a box with probability 1 adds to those of the other models."""
    spread: float = PRIOR_SPREAD
    """Typical error of a side of its boxes, in box heights."""
    lean: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Bias of its x1, y1, x2, y2 against those drawn by people, in box heights."""
    f1: float | None = None
    """F1 of its own boxes in the reviewed clips; None before the first."""

    @property
    def rank(self) -> tuple[float, float, float, float]:
        """Return the sort key by reliability, the best model highest."""
        return self.weight, self.offset, self.slope, -self.spread

    def probability(self, strengths: NDArray[np.float32]) -> FloatArray:
        """Return the probability that boxes of these `strengths` are right, `(n,)`."""
        features = calibration_features(strengths)
        return logistic.probability(features, np.array([self.offset, self.slope]))

    def remove_bias(self, sides: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes `(n, 4)` px without the bias of the model."""
        bias = np.array(self.lean, np.float32)
        shifted = sides - boxes.heights(sides)[:, None] * bias
        low, high = shifted[:, :2], shifted[:, 2:]
        return np.concatenate([low, np.maximum(low, high)], 1)


@dataclass(frozen=True)
class TeamSkills:
    """Skills of a team of labellers, in the order of their detections."""

    each: tuple[Skill, ...]
    bias: float = PRIOR_BIAS
    """Log-odds of an object that no model detects."""
    confidence: tuple[float, ...] = confidence.PRIOR_WEIGHTS
    """Log-odds that a label is right, by confidence.FEATURE_NAMES."""
    boxes: int = 0
    """Boxes of the reviewed clips that it was learned from."""
    fusion: Fusion = "weights"
    """What made the best labels of the reviewed clips."""

    @property
    def weights(self) -> FloatArray:
        """Return bias and weights, `(1 + models,)`."""
        return np.array([self.bias, *(skill.weight for skill in self.each)])


def best_first(f1: Sequence[float | None]) -> list[int]:
    """Return the places of the members, best measured first; unmeasured ones keep theirs."""
    places = [place for place, value in enumerate(f1) if value is not None]
    ranked = iter(sorted(places, key=lambda place: -(f1[place] or 0.0)))
    return [place if value is None else next(ranked) for place, value in enumerate(f1)]


def untrained_team(models: int) -> TeamSkills:
    """Return the skills of a team before the first review: equal for all `models`."""
    return TeamSkills((Skill(weight=PRIOR_TEAM_WEIGHT / models),) * models)


def calibration_features(strengths: NDArray[np.float32]) -> FloatArray:
    """Return the features of the calibration, `(n, 2)`: 1 and the log of the strength."""
    log = np.log(np.maximum(strengths, 1e-3).astype(np.float64))
    return np.stack([np.ones(len(log)), log], 1)
