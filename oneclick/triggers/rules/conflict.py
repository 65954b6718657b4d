"""Boxes that a second opinion does not share: a rival model's, or hindsight's."""

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
    """Boxes without a partner in the same frame, one to one."""

    name: ClassVar[str]
    summary: ClassVar[str]

    iou: float = 0.45
    """Two boxes are the same object from this overlap on (largest total IoU)."""
    join: float = 0.5
    """Disagreement about one object with breaks of at most this many seconds is one hit."""

    def _misses(self, scene: Scene, against: Detections | None, why: str) -> list[Hit]:
        if against is None:
            return []
        return self._joined(against.where(scene.unmatched(against, self.iou)[1]), why)

    def _extras(self, scene: Scene, against: Detections | None, why: str) -> list[Hit]:
        if against is None:
            return []
        return self._joined(scene.sure.where(scene.unmatched(against, self.iou)[0]), why)

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
        why = "only the rival sees this {cls}: {frames} within {seconds}"
        return self._misses(scene, scene.rival, why)


@dataclass(frozen=True)
class ConflictExtra(_Conflict):
    """What the predictor sees and the rival does not."""

    name: ClassVar[str] = "conflict_extra"
    summary: ClassVar[str] = "the model sees something that the rival does not"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of time; its score is the predictor's mean confidence."""
        why = "the rival does not see this {cls}: {frames} within {seconds}"
        return self._extras(scene, scene.rival, why)


@dataclass(frozen=True)
class HindsightMiss(_Conflict):
    """What must have been there, seen from before and after, and the predictor does not say."""

    name: ClassVar[str] = "hindsight_miss"
    summary: ClassVar[str] = "hindsight fills in something that the model missed"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of time; its score is the labels' mean confidence."""
        why = "hindsight puts a {cls} here that the model missed: {frames} within {seconds}"
        return self._misses(scene, scene.hindsight, why)


@dataclass(frozen=True)
class HindsightExtra(_Conflict):
    """What the predictor says, and hindsight drops as a false track or moves elsewhere."""

    name: ClassVar[str] = "hindsight_extra"
    summary: ClassVar[str] = "hindsight drops something that the model sees"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of time; its score is the predictor's mean confidence."""
        why = "hindsight does not believe in this {cls}: {frames} within {seconds}"
        return self._extras(scene, scene.hindsight, why)
