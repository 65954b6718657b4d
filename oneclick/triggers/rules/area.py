"""A track whose box grows or shrinks at once."""

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
    """Neighbouring boxes of a track with very different areas."""

    name: ClassVar[str] = "area"
    summary: ClassVar[str] = "a box grows or shrinks at once"

    ratio: float = 0.4
    """Largest change of the area's natural logarithm; 0.4 is half as large again."""
    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on."""
    join: float = 0.5
    """Changes of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of changes, at the boxes after them; the larger, the higher."""
        sure, (before, after) = scene.sure, scene.steps(self.hole)
        size = np.log(np.maximum(boxes.area(sure.boxes), 1e-6))
        change = np.abs(size[after] - size[before])
        large = change > self.ratio
        rows, strength = after[large], -np.expm1(-change[large])
        tracks = scene.tracks(self.hole)
        return scenes.stretches(self.name, scene, tracks, rows, strength, self.join, _WHY)


_WHY = "{cls} changes size at once: {frames} within {seconds}"
