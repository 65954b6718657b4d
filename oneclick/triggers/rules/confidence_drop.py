"""Tracks whose confidence drops from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class ConfidenceDrop:
    """A box whose score is far below the mean of its track just before it."""

    name: ClassVar[str] = "confidence_drop"
    summary: ClassVar[str] = "the confidence in a track drops at once"

    drop: float = 0.3
    """Smallest drop of the score."""
    window: float = 0.5
    """Seconds of the track before the box whose mean it is compared with."""
    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked to one track."""
    join: float = 0.5
    """Drops of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of low scores, scored by the drop."""
        tracked, tracks = scene.confident, scene.tracks(self.hole)
        order = np.lexsort((tracked.frames, tracks))
        window, scores = scene.frames(self.window), tracked.scores[order].astype(np.float64)
        # All tracks on one time axis, so far apart that no window reaches into another track.
        place = tracks[order].astype(np.int64) * (scene.length + window) + tracked.frames[order]
        first = np.searchsorted(place, place - window)
        count = np.arange(len(order)) - first
        total = np.append(0, np.cumsum(scores))
        before = (total[:-1] - total[first]) / np.maximum(count, 1)
        loss = np.where(count > 0, before - scores, 0)
        low = loss > self.drop
        rows, strength = order[low], loss[low]
        return scenes.hits_from_rows(self.name, scene, tracks, rows, strength, self.join, _REASON)


_REASON = "the model is suddenly unsure of this {cls}: {frames} within {seconds}"
