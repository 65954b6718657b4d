"""Detections that never move: a coat on a hook, a statue, or a person asleep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Still:
    """A long track whose centre stays in one place; for static cameras."""

    name: ClassVar[str] = "still"
    summary: ClassVar[str] = "a detection never moves"

    seconds: float = 60
    """Minimum length of such a track in seconds."""
    drift: float = 0.05
    """Largest standard deviation of its centre, in box heights."""
    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked to one track."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per track, at its first box; the smaller the drift, the higher."""
        tracked, tracks = scene.confident, scene.tracks(self.hole)
        firsts, lasts = scene.ends(self.hole)
        long = tracked.frames[lasts] - tracked.frames[firsts] >= self.seconds * tracked.fps
        rows = np.flatnonzero(long[tracks])
        drifts = np.full(len(firsts), np.inf)
        if len(rows):
            drifts[long] = centre_spread(tracked.boxes[rows], tracks[rows])[np.flatnonzero(long)]
        starts = np.sort(firsts[drifts < self.drift])
        strength = 1 - drifts[tracks[starts]] / max(self.drift, 1e-9)
        reason = f"{{cls}} does not move for {self.seconds:g} s or longer"
        return scenes.hits_from_boxes(
            self.name, tracked.where(starts), np.arange(len(starts)), strength, reason
        )


def centre_spread(sides: NDArray[np.float32], tracks: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the standard deviation of the box centres of each track, in mean box heights.

    Args:
        sides: `(n, 4)` px, x1 y1 x2 y2.
        tracks: `(n,)` track of each box, 0-based.
    """
    count = np.maximum(np.bincount(tracks), 1)
    variance = np.zeros(len(count))
    for x in boxes.centres(sides).T:
        mean = np.bincount(tracks, x) / count
        variance += np.bincount(tracks, (x - mean[tracks]) ** 2) / count
    height = np.bincount(tracks, boxes.heights(sides)) / count
    spread: NDArray[np.float64] = np.sqrt(variance) / np.maximum(height, 1e-6)
    return spread
