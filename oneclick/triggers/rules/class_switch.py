"""Objects whose class changes over time."""

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
    """Boxes whose class is not the most frequent one of their track."""

    name: ClassVar[str] = "class_switch"
    summary: ClassVar[str] = "the class of a track changes"

    hole: float = 0.5
    """Longest gap in seconds over which boxes are linked to one track."""
    join: float = 0.5
    """Switches of one track at most this many seconds apart are one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch in a rarer class, scored by the share of the usual class."""
        tracked = scene.confident
        if len(np.unique(tracked.classes)) < 2:
            return []
        tracks = association.link(
            replace(tracked, classes=tracked.classes * 0), max_hole_seconds=self.hole
        )
        votes = np.zeros((int(tracks.max()) + 1, len(tracked.names)))
        np.add.at(votes, (tracks, tracked.classes), 1)
        usual = votes.argmax(1)[tracks]
        share = votes.max(1) / votes.sum(1)
        rows = np.flatnonzero(tracked.classes != usual)
        strength = share[tracks[rows]]
        return scenes.hits_from_rows(self.name, scene, tracks, rows, strength, self.join, _REASON)


_REASON = "called {cls}, and otherwise something else: {frames} within {seconds}"
