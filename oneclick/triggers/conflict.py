"""Two models that disagree about the same frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core import association
from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class _Conflict:
    """Boxes without a partner in the other model, both at their operating points."""

    name: ClassVar[str]
    summary: ClassVar[str]

    iou: float = 0.45
    """Two boxes are the same object from this overlap on (one-to-one, largest total IoU)."""
    join: float = 0.5
    """Disagreement about one object with breaks of at most this many seconds is one hit."""

    def _joined(self, found: Detections, why: str) -> list[Hit]:
        groups = association.link(found, max_hole_seconds=self.join)
        return scenes.runs(self.name, found, groups, found.scores, why)


@dataclass(frozen=True)
class ConflictMiss(_Conflict):
    """What the rival sees and the predictor does not."""

    name: ClassVar[str] = "conflict_miss"
    summary: ClassVar[str] = "the rival sees something that the model does not"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of time; its score is the rival's mean confidence."""
        if scene.rival is None:
            return []
        found = scene.rival.where(scene.unmatched(self.iou)[1])
        return self._joined(found, "only the rival sees this {cls}: {frames} within {seconds}")


@dataclass(frozen=True)
class ConflictExtra(_Conflict):
    """What the predictor sees and the rival does not."""

    name: ClassVar[str] = "conflict_extra"
    summary: ClassVar[str] = "the model sees something that the rival does not"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of time; its score is the predictor's mean confidence."""
        if scene.rival is None:
            return []
        found = scene.sure.where(scene.unmatched(self.iou)[0])
        return self._joined(found, "the rival does not see this {cls}: {frames} within {seconds}")
