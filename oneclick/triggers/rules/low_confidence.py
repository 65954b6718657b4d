"""Boxes just below the operating point: the model is in doubt."""

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
    """Boxes with a score in [share × threshold, threshold); needs predictions that keep them."""

    name: ClassVar[str] = "low_confidence"
    summary: ClassVar[str] = "a box just below the operating point"

    share: float = 0.6
    """Lower end of the doubt, as a share of the operating point."""
    join: float = 0.5
    """Doubt about one object with breaks of at most this many seconds is one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of doubt; 1 is just below the operating point."""
        below, scores = (1 - self.share) * abs(scene.threshold), scene.detections.scores
        lowest = scene.threshold - below
        found = scene.detections.where((scores >= lowest) & (scores < scene.threshold))
        groups = association.link(found, max_hole_seconds=self.join)
        strength = (found.scores - np.float32(lowest)) / max(below, 1e-9)
        why = "perhaps a {cls}: in doubt for {frames} within {seconds}"
        return scenes.runs(self.name, found, groups, strength, why)
