"""Motion where the model has no box; for static cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class UnseenMotion:
    """A moving region of the image outside all boxes."""

    name: ClassVar[str] = "unseen_motion"
    summary: ClassVar[str] = "something moves where no box is"

    area: float = 0.01
    """Smallest size of the region, share of the image."""
    most: float = 0.4
    """Largest size of the region; more is a change of light or a moving camera."""
    seconds: float = 1
    """Minimum length in seconds."""
    join: float = 0.5
    """Longest break in seconds within one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        stir = scene.signals.get("stir")
        if stir is None:
            return []
        when = (stir >= self.area) & (stir <= self.most)
        strength = stir / (4 * max(self.area, 1e-9))
        reason = "something moves for {seconds} where nobody was seen"
        return scenes.hits_from_frames(
            self.name, scene, when, strength, self.seconds, self.join, reason
        )
