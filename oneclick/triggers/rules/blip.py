"""A box out of nothing that is gone again at once (Kang et al., 2020: "appear")."""

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
    """A track of few boxes, away from the edge of the picture and from both ends of the video."""

    name: ClassVar[str] = "blip"
    summary: ClassVar[str] = "something appears out of nothing and is gone at once"

    boxes: float = 3
    """Most boxes of such a track."""
    duration: float = 0.5
    """Longest time it may last, in seconds."""
    border: float = 0.03
    """Margin of the picture, as a share of its height, where things come and go rightly."""
    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per short track; the less sure the model was, the higher the score."""
        sure, tracks = scene.sure, scene.tracks(self.hole)
        if not len(sure):
            return []
        firsts, lasts = scene.ends(self.hole)
        first, last = sure.frames[firsts], sure.frames[lasts]
        short = np.bincount(tracks) <= self.boxes
        short &= last - first < scene.frames(self.duration)
        short &= (first > 0) & (last < scene.length - 1)
        margin = self.border * scene.height
        edge = boxes.at_border(sure.boxes, scene.width, scene.height, margin)
        short[tracks[edge]] = False
        kept = short[tracks]
        why = "{cls} out of nothing for {frames} within {seconds}, then gone"
        return scenes.runs(self.name, sure.where(kept), tracks[kept], 1 - sure.scores[kept], why)
