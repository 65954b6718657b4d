"""What is wrong with a camera's pictures: frozen, dark, or none at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oneclick.triggers.rules.dark import Dark
from oneclick.triggers.rules.frozen import Frozen

FROZEN_SECONDS = 20.0
"""Longer than an encoder repeats a quiet picture: between two key frames."""
DARK_SECONDS = 10.0
SILENT_SECONDS = 20.0
DAMAGED_SECONDS = 30.0
"""Damage is told for so long after it was seen."""


@dataclass
class PictureHealth:
    """Notices what is wrong with the pictures of one camera, by their signals."""

    frozen_since: float | None = None
    dark_since: float | None = None
    seen_at: float = float("-inf")
    """Seconds of the steady clock when the last picture came: nobody sets that clock."""
    _damaged_at: float = field(default=float("-inf"))
    _damaged: int = 0

    def see(self, at: float, signals: Mapping[str, float], steady: float) -> None:
        """Judge a picture.

        Args:
            at: unix seconds when it was taken.
            signals: of detectors.signals.
            steady: seconds of the steady clock now.
        """
        is_frozen = signals["change"] <= Frozen.change
        is_dark = signals["brightness"] < Dark.level
        # A clock that is set back must not put the beginning into the future.
        self.frozen_since = min(self.frozen_since or at, at) if is_frozen else None
        self.dark_since = min(self.dark_since or at, at) if is_dark else None
        self.seen_at = steady

    def count_damage(self, at: float, damaged: int) -> None:
        """Take the number of damaged packets so far."""
        if damaged > self._damaged:
            self._damaged_at = at
        self._damaged = damaged

    def flags(self, now: float, steady: float, began: float) -> tuple[str, ...]:
        """Return what is wrong now, sorted.

        Args:
            now: unix seconds.
            steady: seconds of the steady clock now.
            began: those from which on pictures were to be expected.
        """
        flags = []
        if 0 <= now - self._damaged_at < DAMAGED_SECONDS:
            flags.append("damaged")
        is_silent = steady - max(self.seen_at, began) > SILENT_SECONDS
        if self.dark_since and now - self.dark_since >= DARK_SECONDS and not is_silent:
            flags.append("dark")
        if self.frozen_since and now - self.frozen_since >= FROZEN_SECONDS and not is_silent:
            flags.append("frozen")
        if is_silent:
            flags.append("silent")
        return tuple(flags)
