"""Several boxes for what may be one object."""

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
    """Boxes of one class that overlap much; the less sure one of two is the doubtful one."""

    name: ClassVar[str] = "multibox"
    summary: ClassVar[str] = "several boxes cover one object"

    iou: float = 0.4
    """Least overlap of two boxes in doubt."""
    join: float = 0.5
    """Doubt about one object with breaks of at most this many seconds is one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of time; its score is the mean overlap."""
        sure = scene.sure
        i, j, overlap = association.overlaps(sure, sure, self.iou)
        two = (i < j) & (sure.classes[i] == sure.classes[j])
        i, j, overlap = i[two], j[two], overlap[two]
        second = np.where(sure.scores[i] < sure.scores[j], i, j)
        most = np.zeros(len(sure), np.float32)
        np.maximum.at(most, second, overlap)
        found = most > 0
        doubtful = sure.where(found)
        groups = association.link(doubtful, max_hole_seconds=self.join)
        return scenes.runs(self.name, doubtful, groups, most[found], _WHY)


_WHY = "another {cls} covers this one: {frames} within {seconds}"
