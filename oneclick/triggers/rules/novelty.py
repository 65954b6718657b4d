"""Images unlike those a camera usually shows, by a model trained on its ordinary days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene

PREFIX = "novelty"
"""Prefix of the names of Signals that novelty models measure."""


@dataclass(frozen=True)
class Novelty:
    """A Signal named `novelty-…` above its alarm level, which is 1."""

    name: ClassVar[str] = "novelty"
    summary: ClassVar[str] = "the picture is unlike any before"
    novel: ClassVar[bool] = True

    level: float = 1
    """Alarm level; 1 frame of 1,000 ordinary ones reaches level 1."""
    seconds: float = 0.5
    """Minimum length in seconds."""
    join: float = 1
    """Longest break in seconds within one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        scores = [values for name, values in scene.signals.items() if name.startswith(PREFIX)]
        if not scores:
            return []
        highest = np.maximum.reduce(scores)
        # 0.5 at the alarm level, and below 1 so that any two levels have an order.
        strength = 1 - self.level / (2 * np.maximum(highest, max(self.level, 1e-9)))
        reason = "unlike anything this camera showed before, for {seconds}"
        return scenes.hits_from_frames(
            self.name, scene, highest >= self.level, strength, self.seconds, self.join, reason
        )
