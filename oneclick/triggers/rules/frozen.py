"""A picture that stands still: the recorder repeats its last frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Frozen:
    """Frame after frame the very same picture: not even noise changes."""

    name: ClassVar[str] = "frozen"
    summary: ClassVar[str] = "the picture is frozen"
    novel: ClassVar[bool] = True

    change: float = 0.001
    """Largest mean difference of two frames, grey levels of 255."""
    seconds: float = 5
    """Least length: encoders repeat a quiet picture for a moment, too."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        change = scene.signals.get("change")
        if change is None:
            return []
        when = change <= self.change
        why = "the same picture for {seconds}"
        return scenes.spells(self.name, scene, when, np.ones(scene.length), self.seconds, 0, why)
