"""A person who comes out of nothing and stays, or is there and gone, away from any door."""

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
class _End:
    """One end of a track, away from the border of the picture and from both ends of the video."""

    name: ClassVar[str]
    summary: ClassVar[str]

    border: float = 0.03
    """Margin of the picture, as a share of its height, where things come and go rightly."""
    hole: float = 0.5
    """Longest hole in seconds over which a track is carried on; what ends sooner is a blip."""

    def _hits(self, scene: Scene, ends: NDArray[np.intp], shift: int, why: str) -> list[Hit]:
        """Hits one frame outside the track, where a box is missing if the object was there."""
        sure = scene.sure
        margin = self.border * scene.height
        inner = ~boxes.at_border(sure.boxes[ends], scene.width, scene.height, margin)
        frames = sure.frames[ends] + shift
        rows = ends[inner & (frames > 0) & (frames < scene.length - 1)]
        rows = rows[np.argsort(sure.frames[rows], kind="stable")]
        found = replace(
            sure,
            frames=sure.frames[rows] + np.int32(shift),
            boxes=sure.boxes[rows],
            scores=sure.scores[rows],
            classes=sure.classes[rows],
        )
        return scenes.runs(self.name, found, np.arange(len(rows)), found.scores, why)

    def _ends(self, scene: Scene, last: bool) -> NDArray[np.intp]:
        """Rows where tracks that outlast a hole start, or end."""
        sure, (firsts, lasts) = scene.sure, scene.ends(self.hole)
        lasting = sure.frames[lasts] - sure.frames[firsts] >= scene.frames(self.hole)
        ends: NDArray[np.intp] = (lasts if last else firsts)[lasting]
        return ends


@dataclass(frozen=True)
class Appear(_End):
    """A track that starts in the middle of the picture."""

    name: ClassVar[str] = "appear"
    summary: ClassVar[str] = "a track starts away from the border"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per track, in the frame before it; its score is that of its first box."""
        return self._hits(scene, self._ends(scene, last=False), -1, "{cls} comes out of nothing")


@dataclass(frozen=True)
class Disappear(_End):
    """A track that ends in the middle of the picture."""

    name: ClassVar[str] = "disappear"
    summary: ClassVar[str] = "a track ends away from the border"

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per track, in the frame after it; its score is that of its last box."""
        return self._hits(scene, self._ends(scene, last=True), 1, "{cls} vanishes")
