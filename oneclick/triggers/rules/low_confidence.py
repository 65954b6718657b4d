"""Boxes just below the operating point: perhaps false negatives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core import association
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class LowConfidence:
    """Boxes with a score in [share × threshold, threshold), where the predictions keep them."""

    name: ClassVar[str] = "low_confidence"
    summary: ClassVar[str] = "a box just below the operating point"

    share: float = 0.6
    """Lowest score, as a share of the operating point."""
    join: float = 0.5
    """Boxes of one object with breaks of at most this many seconds are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch; score 1 is just below the operating point."""
        below, scores = (1 - self.share) * abs(scene.threshold), scene.detections.scores
        lowest = scene.threshold - below
        doubtful = scene.detections.where((scores >= lowest) & (scores < scene.threshold))
        groups = association.link(doubtful, max_hole_seconds=self.join)
        strength = (doubtful.scores - np.float32(lowest)) / max(below, 1e-9)
        reason = "perhaps a {cls}: in doubt for {frames} within {seconds}"
        return scenes.hits_from_boxes(self.name, doubtful, groups, strength, reason)
