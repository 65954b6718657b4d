"""Images out of focus: condensation on the lens, or a lens that was touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Blurred:
    """Far fewer edges than usual; an image with almost none counts as `covered` instead.

    Less light makes edges fainter in proportion: they are compared with what it leaves of them.
    """

    name: ClassVar[str] = "blurred"
    summary: ClassVar[str] = "the picture is blurred"
    novel: ClassVar[bool] = True

    share: float = 0.6
    """Largest share of the usual detail, which is the median over the scene in its usual light."""
    least: float = 0.15
    """Smallest share of the usual detail."""
    seconds: float = 1
    """Minimum length in seconds."""
    join: float = 1
    """Longest break in seconds within one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        detail = scene.signals.get("detail")
        if detail is None:
            return []
        usual = np.full(len(detail), np.median(detail))
        if (brightness := scene.signals.get("brightness")) is not None:
            usual *= np.minimum(1, brightness / max(float(np.median(brightness)), 1e-6))
        share = detail / np.maximum(usual, 1e-6)
        when = (share < self.share) & (share >= self.least)
        reason = "out of focus for {seconds}"
        return scenes.hits_from_frames(
            self.name, scene, when, 1 - share, self.seconds, self.join, reason
        )
