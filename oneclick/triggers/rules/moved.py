"""Cameras that were knocked or turned, which displaces every box from then on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Moved:
    """A shift of the whole image."""

    name: ClassVar[str] = "moved"
    summary: ClassVar[str] = "the camera moved"
    novel: ClassVar[bool] = True

    shift: float = 0.02
    """Smallest shift within a second, in image widths."""
    seconds: float = 0.8
    """Minimum length in seconds; a change of the light is shorter than a real move."""
    join: float = 1
    """Longest break in seconds within one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        shift = scene.signals.get("shift")
        if shift is None:
            return []
        strength = shift / (4 * max(self.shift, 1e-9))
        reason = "the camera moved within {seconds}"
        return scenes.hits_from_frames(
            self.name, scene, shift >= self.shift, strength, self.seconds, self.join, reason
        )
