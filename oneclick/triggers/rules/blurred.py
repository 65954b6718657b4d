"""A picture out of focus: breath on the lens, a lens that was touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Blurred:
    """Far fewer sharp edges than usual; what has next to none is `covered`, not blurred."""

    name: ClassVar[str] = "blurred"
    summary: ClassVar[str] = "the picture is blurred"
    novel: ClassVar[bool] = True

    share: float = 0.6
    """Of the usual detail, the median of the time around."""
    least: float = 0.15
    """With a smaller share nothing is to be seen at all."""
    seconds: float = 1
    """Least length."""
    join: float = 1
    """Breaks of so many seconds do not end it."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        detail = scene.signals.get("detail")
        if detail is None:
            return []
        share = detail / max(float(np.median(detail)), 1e-6)
        when = (share < self.share) & (share >= self.least)
        why = "out of focus for {seconds}"
        return scenes.spells(self.name, scene, when, 1 - share, self.seconds, self.join, why)
