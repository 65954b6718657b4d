"""A camera that sees nothing: a cloth, a hand, a spider's web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Covered:
    """Light, but next to no edges."""

    name: ClassVar[str] = "covered"
    summary: ClassVar[str] = "the camera is covered"
    novel: ClassVar[bool] = True

    share: float = 0.15
    """Of the usual detail, the median of the time around."""
    light: float = 0.06
    """Brightness from which on a picture is not just dark."""
    seconds: float = 1
    """Least length."""
    join: float = 1
    """Breaks of so many seconds do not end it."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        detail, brightness = scene.signals.get("detail"), scene.signals.get("brightness")
        if detail is None or brightness is None:
            return []
        share = detail / max(float(np.median(detail)), 1e-6)
        when = (share < self.share) & (brightness >= self.light)
        why = "nothing to be seen for {seconds}"
        return scenes.spells(self.name, scene, when, 1 - share, self.seconds, self.join, why)
