"""Tracks whose box changes its size between two frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core import boxes
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Area:
    """Consecutive boxes of a track with very different areas."""

    name: ClassVar[str] = "area"
    summary: ClassVar[str] = "a box grows or shrinks at once"

    ratio: float = 0.4
    """Largest change of the area's natural logarithm; 0.4 is a growth by half."""
    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked to one track."""
    join: float = 0.5
    """Changes of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of changes, at the later boxes, scored by the change."""
        tracked, (before, after) = scene.confident, scene.steps(self.hole)
        size = np.log(np.maximum(boxes.area(tracked.boxes), 1e-6))
        change = np.abs(size[after] - size[before])
        large = change > self.ratio
        rows, strength = after[large], -np.expm1(-change[large])
        tracks = scene.tracks(self.hole)
        return scenes.hits_from_rows(self.name, scene, tracks, rows, strength, self.join, _REASON)


_REASON = "{cls} changes size at once: {frames} within {seconds}"
