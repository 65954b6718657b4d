"""A detection that never moves: a coat on a hook, a statue, or someone asleep."""

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
    """A long track whose centre stays in one place; for cameras that do not move."""

    name: ClassVar[str] = "still"
    summary: ClassVar[str] = "a detection never moves"

    seconds: float = 60
    """Least length of such a track."""
    drift: float = 0.05
    """Largest standard deviation of its centre, in box heights."""
    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per track, at its first box; the stiller, the higher."""
        sure, tracks, (firsts, lasts) = scene.sure, scene.tracks(self.hole), scene.ends(self.hole)
        long = sure.frames[lasts] - sure.frames[firsts] >= self.seconds * sure.fps
        rows = np.flatnonzero(long[tracks])
        spread = np.full(len(firsts), np.inf)
        if len(rows):
            spread[long] = _spread(sure.boxes[rows], tracks[rows])[np.flatnonzero(long)]
        still = np.sort(firsts[spread < self.drift])
        found, strength = sure.where(still), 1 - spread[tracks[still]] / max(self.drift, 1e-9)
        why = f"{{cls}} does not move for {self.seconds:g} s or longer"
        return scenes.runs(self.name, found, np.arange(len(still)), strength, why)


def _spread(sides: NDArray[np.float32], tracks: NDArray[np.int32]) -> NDArray[np.float64]:
    """Standard deviation of the centre of each track, in mean box heights."""
    count = np.maximum(np.bincount(tracks), 1)
    total = np.zeros(len(count))
    for x in boxes.centres(sides).T:
        mean = np.bincount(tracks, x) / count
        total += np.bincount(tracks, (x - mean[tracks]) ** 2) / count
    tall = np.bincount(tracks, boxes.heights(sides)) / count
    spread: NDArray[np.float64] = np.sqrt(total) / np.maximum(tall, 1e-6)
    return spread
