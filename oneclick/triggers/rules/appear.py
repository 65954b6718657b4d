"""Tracks that start or end in the middle of the image: a person probably has no box there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oneclick.core import boxes
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class _TrackEnd:
    """One end of a track, away from the image border and from both ends of the video."""

    name: ClassVar[str]
    summary: ClassVar[str]

    border: float = 0.03
    """Margin along the image border where tracks may start and end, in image heights."""
    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked; shorter tracks are left to `blip`."""

    def _hits(self, scene: Scene, ends: NDArray[np.intp], shift: int, reason: str) -> list[Hit]:
        """Return Hits one frame outside the track, where a box is missing."""
        tracked, (firsts, lasts) = scene.confident, scene.ends(self.hole)
        long = tracked.frames[lasts] - tracked.frames[firsts] >= scene.frames(self.hole)
        ends = ends[long]
        margin = self.border * scene.height
        inner = ~boxes.at_border(tracked.boxes[ends], scene.width, scene.height, margin)
        frames = tracked.frames[ends] + shift
        rows = ends[inner & (frames > 0) & (frames < scene.length - 1)]
        rows = rows[np.argsort(tracked.frames[rows], kind="stable")]
        absent = replace(
            tracked,
            frames=tracked.frames[rows] + np.int32(shift),
            boxes=tracked.boxes[rows],
            scores=tracked.scores[rows],
            classes=tracked.classes[rows],
        )
        return scenes.hits_from_boxes(
            self.name, absent, np.arange(len(rows)), absent.scores, reason
        )


@dataclass(frozen=True)
class Appear(_TrackEnd):
    """A track that starts in the middle of the image."""

    name: ClassVar[str] = "appear"
    summary: ClassVar[str] = "a track starts away from the border"

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per track, in the frame before it, scored like its first box."""
        return self._hits(scene, scene.ends(self.hole)[0], -1, "{cls} comes out of nothing")


@dataclass(frozen=True)
class Disappear(_TrackEnd):
    """A track that ends in the middle of the image."""

    name: ClassVar[str] = "disappear"
    summary: ClassVar[str] = "a track ends away from the border"

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per track, in the frame after it, scored like its last box."""
        return self._hits(scene, scene.ends(self.hole)[1], 1, "{cls} vanishes")
