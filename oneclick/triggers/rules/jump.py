"""Tracks whose box moves faster than a person can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core import boxes
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Jump:
    """Consecutive boxes of a track whose centres lie too far apart for the time between them."""

    name: ClassVar[str] = "jump"
    summary: ClassVar[str] = "a box jumps farther than a person can move"

    step: float = 0.25
    """Distance in box heights that jitter of the detector explains."""
    speed: float = 1.7
    """Highest speed in box heights per second: a running person."""
    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked to one track."""
    join: float = 0.5
    """Jumps of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of jumps, at the later boxes, scored by distance."""
        tracked, (before, after) = scene.confident, scene.steps(self.hole)
        seconds = (tracked.frames[after] - tracked.frames[before]) / tracked.fps
        (x, y), height = boxes.centres(tracked.boxes).T, boxes.heights(tracked.boxes)
        tall = (height[before] + height[after]) / 2
        far = np.hypot(x[after] - x[before], y[after] - y[before]) / np.maximum(tall, 1e-6)
        limit = np.maximum(self.step, self.speed * seconds)
        rows, strength = after[far > limit], (1 - limit / np.maximum(far, 1e-9))[far > limit]
        tracks = scene.tracks(self.hole)
        return scenes.hits_from_rows(self.name, scene, tracks, rows, strength, self.join, _REASON)


_REASON = "{cls} jumps farther than a person can move: {frames} within {seconds}"
