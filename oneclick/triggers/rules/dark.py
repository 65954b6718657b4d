"""A picture without light: a lens cap, a switched-off infra-red lamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Dark:
    """The mean brightness stays low."""

    name: ClassVar[str] = "dark"
    summary: ClassVar[str] = "the picture is dark"
    novel: ClassVar[bool] = True

    level: float = 0.06
    """Mean brightness of the picture, 0 … 1."""
    seconds: float = 1
    """Least length."""
    join: float = 1
    """Breaks of so many seconds do not end it."""

    def find(self, scene: Scene) -> list[Hit]:
        """One Hit per stretch of time, without boxes; none where the Signal was not measured."""
        brightness = scene.signals.get("brightness")
        if brightness is None:
            return []
        strength = 1 - brightness / max(self.level, 1e-9)
        why = "dark for {seconds}"
        return scenes.spells(self.name, scene, strength > 0, strength, self.seconds, self.join, why)
