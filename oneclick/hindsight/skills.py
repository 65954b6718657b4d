"""How far each labeller is to be believed, learned from clips that people reviewed.

Scores of different models do not mean the same, and models of one family err together. So each
model's scores are turned into chances of being right (Platt, 1999), and what these chances are
worth beside each other is learned in a second regression: a model that says nothing adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes, logistic
from oneclick.hindsight import confidence

Numbers = NDArray[np.float64]

OFFSET, SLOPE = 0.0, 2.5
"""Before the first review: even odds at the threshold, better above it."""
BIAS, TOGETHER = -3.0, 7.0
"""Log-odds of nobody seeing anything, and what all models together add to them."""
SPREAD = 0.05
"""Error of a side of a box, in its heights, before the first review."""


@dataclass(frozen=True)
class Skill:
    """What reviewed clips say of one labeller."""

    offset: float = OFFSET
    """Log-odds that a box at its threshold is right."""
    slope: float = SLOPE
    """What a score e times as high adds to them."""
    weight: float = TOGETHER
    """Log-odds that a box of which it is certain adds to all the others say."""
    spread: float = SPREAD
    """Typical error of a side of its boxes, in box heights."""
    lean: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """How far its x1, y1, x2, y2 lie from where people draw them, in box heights."""

    def chance(self, strengths: NDArray[np.float32]) -> Numbers:
        """Probability that boxes are right; `strengths` are multiples of the threshold."""
        return logistic.chance(columns(strengths), np.array([self.offset, self.slope]))

    def straighten(self, sides: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes `(n, 4)` as people would draw them."""
        lean = np.array(self.lean, np.float32)
        moved = sides - boxes.heights(sides)[:, None] * lean
        low, high = moved[:, :2], moved[:, 2:]
        return np.concatenate([low, np.maximum(low, high)], 1)


@dataclass(frozen=True)
class Skills:
    """A team of labellers, in the order in which their detections are given."""

    each: tuple[Skill, ...]
    bias: float = BIAS
    """Log-odds of an object before anybody speaks."""
    confidence: tuple[float, ...] = confidence.BELIEFS
    """Log-odds that a label is right, by confidence.NAMES."""
    boxes: int = 0
    """Boxes of reviewed clips that taught it."""

    @property
    def weights(self) -> Numbers:
        """Bias and weights, `(1 + models,)`."""
        return np.array([self.bias, *(one.weight for one in self.each)])


def unlearned(models: int) -> Skills:
    """A team of which nothing is known yet: all alike."""
    return Skills((Skill(weight=TOGETHER / models),) * models)


def columns(strengths: NDArray[np.float32]) -> Numbers:
    """What the chance of a box is read from, `(n, 2)`."""
    log = np.log(np.maximum(strengths, 1e-3).astype(np.float64))
    return np.stack([np.ones(len(log)), log], 1)
