"""One object under two names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from oneclick.core import association
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class ClassSwitch:
    """Boxes of a track whose class is not the one it has most often."""

    name: ClassVar[str] = "class_switch"
    summary: ClassVar[str] = "the class of a track changes"

    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on."""
    join: float = 0.5
    """Switches of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch in the rarer class; its score is the share of the other class."""
        sure = scene.sure
        if len(np.unique(sure.classes)) < 2:
            return []
        tracks = association.link(
            replace(sure, classes=sure.classes * 0), max_hole_seconds=self.hole
        )
        votes = np.zeros((int(tracks.max()) + 1, len(sure.names)))
        np.add.at(votes, (tracks, sure.classes), 1)
        usual = votes.argmax(1)[tracks]
        share = votes.max(1) / votes.sum(1)
        rows = np.flatnonzero(sure.classes != usual)
        strength = share[tracks[rows]]
        return scenes.stretches(self.name, scene, tracks, rows, strength, self.join, _WHY)


_WHY = "called {cls}, and otherwise something else: {frames} within {seconds}"
