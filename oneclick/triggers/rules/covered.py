"""Covered cameras: by a cloth, a hand, a spider's web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Covered:
    """A bright image with almost no edges."""

    name: ClassVar[str] = "covered"
    summary: ClassVar[str] = "the camera is covered"
    novel: ClassVar[bool] = True

    share: float = 0.15
    """Largest share of the usual detail, which is the median over the scene."""
    light: float = 0.06
    """Smallest mean brightness, 0 … 1; a darker image counts as `dark` instead."""
    seconds: float = 1
    """Minimum length in seconds."""
    join: float = 1
    """Longest break in seconds within one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        detail, brightness = scene.signals.get("detail"), scene.signals.get("brightness")
        if detail is None or brightness is None:
            return []
        share = detail / max(float(np.median(detail)), 1e-6)
        when = (share < self.share) & (brightness >= self.light)
        reason = "nothing to be seen for {seconds}"
        return scenes.hits_from_frames(
            self.name, scene, when, 1 - share, self.seconds, self.join, reason
        )
