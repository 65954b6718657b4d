"""Tracks of very few boxes, probably false positives (Kang et al., 2020: "appear")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core import boxes
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Blip:
    """A track of few boxes, away from the image border and from both ends of the video."""

    name: ClassVar[str] = "blip"
    summary: ClassVar[str] = "something appears out of nothing and is gone at once"

    boxes: float = 3
    """Largest number of boxes of such a track."""
    duration: float = 0.5
    """Longest duration of such a track in seconds."""
    border: float = 0.03
    """Margin along the image border where tracks may start and end, in image heights."""
    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked to one track."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per short track; its score is 1 minus the mean confidence."""
        tracked, tracks = scene.confident, scene.tracks(self.hole)
        if not len(tracked):
            return []
        firsts, lasts = scene.ends(self.hole)
        first, last = tracked.frames[firsts], tracked.frames[lasts]
        short = np.bincount(tracks) <= self.boxes
        short &= last - first < scene.frames(self.duration)
        short &= (first > 0) & (last < scene.length - 1)
        margin = self.border * scene.height
        edge = boxes.at_border(tracked.boxes, scene.width, scene.height, margin)
        short[tracks[edge]] = False
        mask = short[tracks]
        blips = tracked.where(mask)
        reason = "{cls} out of nothing for {frames} within {seconds}, then gone"
        return scenes.hits_from_boxes(self.name, blips, tracks[mask], 1 - blips.scores, reason)
