"""A picture unlike all that a camera showed before, says a model trained on its ordinary days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene

PREFIX = "novelty"
"""Of the Signals that such models give."""


@dataclass(frozen=True)
class Novelty:
    """A Signal called `novelty-…` is over its alarm level, which is 1."""

    name: ClassVar[str] = "novelty"
    summary: ClassVar[str] = "the picture is unlike any before"
    novel: ClassVar[bool] = True

    level: float = 1
    """Of the alarm, which 1 frame of 1,000 ordinary ones reaches."""
    seconds: float = 0.5
    """Least length."""
    join: float = 1
    """Breaks of so many seconds do not end it."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        scores = [values for name, values in scene.signals.items() if name.startswith(PREFIX)]
        if not scores:
            return []
        highest = np.maximum.reduce(scores)
        # 0.5 at the alarm, and never 1: of two strange moments the stranger one is shown first.
        strength = 1 - self.level / (2 * np.maximum(highest, max(self.level, 1e-9)))
        why = "unlike anything this camera showed before, for {seconds}"
        return scenes.spells(
            self.name, scene, highest >= self.level, strength, self.seconds, self.join, why
        )
