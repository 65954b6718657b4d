"""A camera that was knocked or turned: every box is somewhere else from now on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Moved:
    """The whole picture moves at once."""

    name: ClassVar[str] = "moved"
    summary: ClassVar[str] = "the camera moved"
    novel: ClassVar[bool] = True

    shift: float = 0.02
    """Least way within a second, picture widths."""
    seconds: float = 0.8
    """Least length: a real move shows for a second, a trick of the light does not."""
    join: float = 1
    """Breaks of so many seconds do not end it."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        shift = scene.signals.get("shift")
        if shift is None:
            return []
        strength = shift / (4 * max(self.shift, 1e-9))
        why = "the camera moved within {seconds}"
        return scenes.spells(
            self.name, scene, shift >= self.shift, strength, self.seconds, self.join, why
        )
