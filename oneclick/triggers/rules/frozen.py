"""Frozen video: the recorder repeats its last frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Frozen:
    """Consecutive frames that are identical, noise included."""

    name: ClassVar[str] = "frozen"
    summary: ClassVar[str] = "the picture is frozen"
    novel: ClassVar[bool] = True

    change: float = 0.001
    """Largest mean difference of two frames in grey levels, 0 … 255."""
    seconds: float = 5
    """Minimum length in seconds; encoders also repeat a quiet image for a moment."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        change = scene.signals.get("change")
        if change is None:
            return []
        when = change <= self.change
        reason = "the same picture for {seconds}"
        return scenes.hits_from_frames(
            self.name, scene, when, np.ones(scene.length), self.seconds, 0, reason
        )
