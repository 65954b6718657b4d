"""Several boxes on what may be one object: duplicate detections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core import association
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Multibox:
    """Boxes of one class that overlap much; the one with the lower score is in doubt."""

    name: ClassVar[str] = "multibox"
    summary: ClassVar[str] = "several boxes cover one object"

    iou: float = 0.4
    """Smallest IoU of two such boxes."""
    join: float = 0.5
    """Duplicates of one object with breaks of at most this many seconds are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch of time, scored by the mean IoU."""
        confident = scene.confident
        i, j, overlap = association.overlaps(confident, confident, self.iou)
        pairs = (i < j) & (confident.classes[i] == confident.classes[j])
        i, j, overlap = i[pairs], j[pairs], overlap[pairs]
        second = np.where(confident.scores[i] < confident.scores[j], i, j)
        largest = np.zeros(len(confident), np.float32)
        np.maximum.at(largest, second, overlap)
        mask = largest > 0
        duplicates = confident.where(mask)
        groups = association.link(duplicates, max_hole_seconds=self.join)
        return scenes.hits_from_boxes(self.name, duplicates, groups, largest[mask], _REASON)


_REASON = "another {cls} covers this one: {frames} within {seconds}"
