"""Dark images: a lens cap, a switched-off infra-red lamp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from oneclick.core.hits import Hit
from oneclick.triggers import scene as scenes
from oneclick.triggers.scene import Scene


@dataclass(frozen=True)
class Dark:
    """A mean brightness that stays low."""

    name: ClassVar[str] = "dark"
    summary: ClassVar[str] = "the picture is dark"
    novel: ClassVar[bool] = True

    level: float = 0.06
    """Mean brightness below which an image is dark, 0 … 1."""
    seconds: float = 1
    """Minimum length in seconds."""
    join: float = 1
    """Longest break in seconds within one hit."""

    def find(self, scene: Scene) -> list[Hit]:
        """Return one Hit per stretch of time, without boxes; none without the Signal."""
        brightness = scene.signals.get("brightness")
        if brightness is None:
            return []
        strength = 1 - brightness / max(self.level, 1e-9)
        reason = "dark for {seconds}"
        return scenes.hits_from_frames(
            self.name, scene, strength > 0, strength, self.seconds, self.join, reason
        )
