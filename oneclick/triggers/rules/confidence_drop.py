"""A track that the model is suddenly less sure of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class ConfidenceDrop:
    """A box whose score is far below the mean of its track just before."""

    name: ClassVar[str] = "confidence_drop"
    summary: ClassVar[str] = "the confidence in a track drops at once"

    drop: float = 0.3
    """Least loss of score."""
    window: float = 0.5
    """Seconds of the track before that the score is held against."""
    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on."""
    join: float = 0.5
    """Drops of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of low scores; its score is the loss."""
        sure, tracks = scene.sure, scene.tracks(self.hole)
        order = np.lexsort((sure.frames, tracks))
        back, scores = scene.frames(self.window), sure.scores[order].astype(np.float64)
        # Places on one axis, tracks so far apart that no window reaches into the one before.
        place = tracks[order].astype(np.int64) * (scene.length + back) + sure.frames[order]
        first = np.searchsorted(place, place - back)
        count = np.arange(len(order)) - first
        total = np.append(0, np.cumsum(scores))
        before = (total[:-1] - total[first]) / np.maximum(count, 1)
        loss = np.where(count > 0, before - scores, 0)
        low = loss > self.drop
        rows, strength = order[low], loss[low]
        return scenes.stretches(self.name, scene, tracks, rows, strength, self.join, _WHY)


_WHY = "the model is suddenly unsure of this {cls}: {frames} within {seconds}"
