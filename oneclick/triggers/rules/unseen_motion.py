"""Something moves where the model sees nobody; for cameras that do not move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class UnseenMotion:
    """A patch of the picture stirs outside all boxes."""

    name: ClassVar[str] = "unseen_motion"
    summary: ClassVar[str] = "something moves where no box is"

    area: float = 0.01
    """Least size of the patch, share of the picture."""
    most: float = 0.4
    """More than that is a lamp or the camera."""
    seconds: float = 1
    """Least length."""
    join: float = 0.5
    """Breaks of so many seconds do not end it."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        stir = scene.signals.get("stir")
        if stir is None:
            return []
        when = (stir >= self.area) & (stir <= self.most)
        strength = stir / (4 * max(self.area, 1e-9))
        why = "something moves for {seconds} where nobody was seen"
        return scenes.spells(self.name, scene, when, strength, self.seconds, self.join, why)
