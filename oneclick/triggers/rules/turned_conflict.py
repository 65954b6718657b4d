"""Disagreement between the upright and the turned look: somebody lies whom the model misses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core import association
from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class TurnedConflict:
    """A box of the turned look where the upright look has none.

    That an upright box is missing in the turned look says nothing: who stands lies there.
    """

    name: ClassVar[str] = "turned_conflict"
    summary: ClassVar[str] = "the model sees somebody only when the picture is turned"

    iou: float = 0.3
    """Smallest IoU of two boxes of one person."""
    share: float = 0.75
    """Or smallest share of the smaller box that lies inside the larger one."""
    join: float = 2.0
    """Looks that see one person with breaks of at most this many seconds are one hit."""
    looks: float = 2
    """Smallest number of looks that see the person."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per person and stretch of time, scored by the confidence of the look."""
        turned = scene.turned
        if turned is None:
            return []
        rows, others = association.same_pairs(turned, scene.confident, self.iou, self.share)
        same_class = turned.classes[rows] == scene.confident.classes[others]
        is_unseen = np.ones(len(turned), np.bool_)
        is_unseen[rows[same_class]] = False
        unseen = turned.where(is_unseen)
        tracks = association.link(unseen, self.iou, self.join)
        again = np.bincount(tracks)[tracks] >= self.looks if len(tracks) else is_unseen[:0]
        reason = "a {cls} is seen only in the turned picture: {frames} within {seconds}"
        return scenes.hits_from_boxes(
            self.name, unseen.where(again), tracks[again], unseen.scores[again], reason
        )
