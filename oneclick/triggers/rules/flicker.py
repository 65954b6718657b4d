"""Tracks with short gaps: objects that are detected, missed for a moment, and detected again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oneclick.core.detections import Detections
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Flicker:
    """A track with boxes before and after a gap; the missing boxes are interpolated."""

    name: ClassVar[str] = "flicker"
    summary: ClassVar[str] = "a track is lost for a moment and comes back"

    hole: float = 0.5
    """Longest gap in seconds; after a longer one the object may really have left."""
    join: float = 1.0
    """Gaps of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per object and stretch of time, scored by the boxes around the gaps."""
        tracked, (before, after) = scene.confident, scene.steps(self.hole)
        gaps = tracked.frames[after] - tracked.frames[before] > 1
        before, after = before[gaps], after[gaps]
        frames, tracks = tracked.frames, scene.tracks(self.hole)[before]
        apart = frames[before][1:] - frames[after][:-1] > scene.frames(self.join)
        breaks = (np.diff(tracks) != 0) | apart
        groups = np.append(0, np.cumsum(breaks)).astype(np.intp)
        filled, gap = interpolate_gaps(tracked, before, after)
        reason = "{cls} seen before and after, but missing in {frames} within {seconds}"
        return scenes.hits_from_boxes(self.name, filled, groups[gap], filled.scores, reason)


def interpolate_gaps(
    detections: Detections, before: NDArray[np.intp], after: NDArray[np.intp]
) -> tuple[Detections, NDArray[np.intp]]:
    """Interpolate linearly between pairs of rows; return the boxes and the gap that each fills.

    Args:
        detections: boxes of a video.
        before: `(gaps,)` row of the last box before each gap.
        after: `(gaps,)` row of the first box after each gap.
    """
    steps = detections.frames[after] - detections.frames[before]
    gap = np.repeat(np.arange(len(steps)), steps - 1)
    first_of_gap = np.repeat(np.cumsum(steps - 1) - (steps - 1), steps - 1)
    offset = np.arange(len(gap)) - first_of_gap + 1
    order = np.argsort(detections.frames[before][gap] + offset, kind="stable")
    gap, offset = gap[order], offset[order]
    first, last = before[gap], after[gap]
    part = (offset / steps[gap])[:, None].astype(np.float32)
    sides, scores = detections.boxes, detections.scores
    filled = replace(
        detections,
        frames=detections.frames[first] + offset,
        boxes=sides.take(first, axis=0) * (1 - part) + sides.take(last, axis=0) * part,
        scores=(scores[first] + scores[last]) / np.float32(2),
        classes=detections.classes[first],
    )
    return filled, gap
