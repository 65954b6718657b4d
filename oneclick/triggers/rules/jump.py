"""A track whose box moves faster than anybody can."""

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
    """Neighbouring boxes of a track whose centres lie too far apart for the time between them."""

    name: ClassVar[str] = "jump"
    summary: ClassVar[str] = "a box jumps farther than a person can move"

    step: float = 0.25
    """Distance in box heights that jitter alone may explain."""
    speed: float = 1.7
    """Fastest movement in box heights per second: a run."""
    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on."""
    join: float = 0.5
    """Jumps of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of jumps, at the boxes after them; the farther, the higher."""
        sure, (before, after) = scene.sure, scene.steps(self.hole)
        seconds = (sure.frames[after] - sure.frames[before]) / sure.fps
        (x, y), height = boxes.centres(sure.boxes).T, boxes.heights(sure.boxes)
        tall = (height[before] + height[after]) / 2
        far = np.hypot(x[after] - x[before], y[after] - y[before]) / np.maximum(tall, 1e-6)
        limit = np.maximum(self.step, self.speed * seconds)
        rows, strength = after[far > limit], (1 - limit / np.maximum(far, 1e-9))[far > limit]
        tracks = scene.tracks(self.hole)
        return scenes.stretches(self.name, scene, tracks, rows, strength, self.join, _WHY)


_WHY = "{cls} jumps farther than a person can move: {frames} within {seconds}"
