"""An object that is seen, lost for a moment, and seen again."""

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
    """A track with boxes before and after a hole; the missing boxes are interpolated."""

    name: ClassVar[str] = "flicker"
    summary: ClassVar[str] = "a track is lost for a moment and comes back"

    hole: float = 0.5
    """Longest hole in seconds; a longer one may be a true exit."""
    join: float = 1.0
    """Holes of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per object and stretch of flickering; its score is that of the boxes around."""
        sure, (before, after) = scene.sure, scene.steps(self.hole)
        wide = sure.frames[after] - sure.frames[before] > 1
        before, after = before[wide], after[wide]
        missing, hole = _between(sure, before, after)
        groups = self._groups(scene, before, after)[hole]
        why = "{cls} seen before and after, but missing in {frames} within {seconds}"
        return scenes.runs(self.name, missing, groups, missing.scores, why)

    def _groups(
        self, scene: Scene, before: NDArray[np.intp], after: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        """Group of each hole: those of one track that follow each other closely."""
        frames, tracks = scene.sure.frames, scene.tracks(self.hole)[before]
        apart = frames[before][1:] - frames[after][:-1] > scene.frames(self.join)
        fresh = (np.diff(tracks) != 0) | apart
        return np.append(0, np.cumsum(fresh)).astype(np.intp)


def _between(
    d: Detections, before: NDArray[np.intp], after: NDArray[np.intp]
) -> tuple[Detections, NDArray[np.intp]]:
    """Boxes on the straight line between two rows, and which hole each of them fills."""
    step = d.frames[after] - d.frames[before]
    hole = np.repeat(np.arange(len(step)), step - 1)
    nth = np.arange(len(hole)) - np.repeat(np.cumsum(step - 1) - (step - 1), step - 1) + 1
    order = np.argsort(d.frames[before][hole] + nth, kind="stable")
    hole, nth = hole[order], nth[order]
    first, last = before[hole], after[hole]
    part = (nth / step[hole])[:, None].astype(np.float32)
    filled = replace(
        d,
        frames=d.frames[first] + nth,
        boxes=d.boxes.take(first, axis=0) * (1 - part) + d.boxes.take(last, axis=0) * part,
        scores=(d.scores[first] + d.scores[last]) / np.float32(2),
        classes=d.classes[first],
    )
    return filled, hole
