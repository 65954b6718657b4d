"""A trigger: somebody is cut off by the left or right border of the picture.

Boxes at the border are often too short or missing, and they come in every video.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers.scene import Scene, hits_from_rows


@dataclass(frozen=True)
class Border:
    """Find tracks that stay at the border of the picture for `seconds`."""

    name: ClassVar[str] = "border"
    summary: ClassVar[str] = "a box touches the left or right border of the picture for a while"

    seconds: float = 1.0
    margin: float = 0.01
    """Share of the picture's width that counts as its border."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return a Hit for each track and stretch of time at the border."""
        boxes, margin = scene.confident.boxes, self.margin * scene.width
        rows = np.flatnonzero((boxes[:, 0] <= margin) | (boxes[:, 2] >= scene.width - margin))
        hits = hits_from_rows(
            self.name,
            scene,
            tracks=scene.tracks(0.5),
            rows=rows,
            scores=scene.confident.scores[rows],
            join=0.5,
            reason="{cls} is cut off by the border for {seconds}",
        )
        return [hit for hit in hits if len(hit.span) >= scene.frames(self.seconds)]
