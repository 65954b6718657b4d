"""Disagreement with a second opinion: boxes that a rival model or hindsight does not confirm."""

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
    """Boxes without a match in the same frame, matched one to one."""

    name: ClassVar[str]
    summary: ClassVar[str]

    iou: float = 0.45
    """Smallest IoU of two boxes of one object (assigned by the largest total IoU)."""
    join: float = 0.5
    """Disagreement about one object with breaks of at most this many seconds is one hit."""

    def _misses(self, scene: Scene, reference: Detections | None, reason: str) -> list[Hit]:
        """Return Hits on boxes of the reference that the predictor lacks."""
        if reference is None:
            return []
        return self._hits(reference.where(scene.unmatched(reference, self.iou)[1]), reason)

    def _extras(self, scene: Scene, reference: Detections | None, reason: str) -> list[Hit]:
        """Return Hits on boxes of the predictor that the reference lacks."""
        if reference is None:
            return []
        return self._hits(scene.confident.where(scene.unmatched(reference, self.iou)[0]), reason)

    def _hits(self, detections: Detections, reason: str) -> list[Hit]:
        tracks = association.link(detections, max_hole_seconds=self.join)
        return scenes.hits_from_boxes(self.name, detections, tracks, detections.scores, reason)


@dataclass(frozen=True)
class ConflictMiss(_Conflict):
    """A box of the rival without one of the predictor."""

    name: ClassVar[str] = "conflict_miss"
    summary: ClassVar[str] = "the rival sees something that the model does not"

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch of time, scored by the rival's confidence."""
        reason = "only the rival sees this {cls}: {frames} within {seconds}"
        return self._misses(scene, scene.rival, reason)


@dataclass(frozen=True)
class ConflictExtra(_Conflict):
    """A box of the predictor without one of the rival."""

    name: ClassVar[str] = "conflict_extra"
    summary: ClassVar[str] = "the model sees something that the rival does not"

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch of time, scored by the predictor's confidence."""
        reason = "the rival does not see this {cls}: {frames} within {seconds}"
        return self._extras(scene, scene.rival, reason)


@dataclass(frozen=True)
class HindsightMiss(_Conflict):
    """A box that hindsight infers from the frames before and after, and the predictor lacks."""

    name: ClassVar[str] = "hindsight_miss"
    summary: ClassVar[str] = "hindsight fills in something that the model missed"

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch of time, scored by the labels' confidence."""
        reason = "hindsight puts a {cls} here that the model missed: {frames} within {seconds}"
        return self._misses(scene, scene.hindsight, reason)


@dataclass(frozen=True)
class HindsightExtra(_Conflict):
    """A box of the predictor that hindsight removes as a false track, or moves elsewhere."""

    name: ClassVar[str] = "hindsight_extra"
    summary: ClassVar[str] = "hindsight drops something that the model sees"

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch of time, scored by the predictor's confidence."""
        reason = "hindsight does not believe in this {cls}: {frames} within {seconds}"
        return self._extras(scene, scene.hindsight, reason)
