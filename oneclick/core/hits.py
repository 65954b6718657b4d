"""What a trigger found."""

from __future__ import annotations

from dataclasses import dataclass

from oneclick.core.spans import Span

HitBox = tuple[int, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Hit:
    """One finding of one trigger in one Prediction."""

    trigger: str
    """Registry name of the trigger."""
    span: Span
    """Frames concerned, 0-based, half-open."""
    score: float
    """Strength in 0 … 1; comparable only within one trigger."""
    boxes: tuple[HitBox, ...]
    """(frame, x1, y1, x2, y2) of the boxes concerned, 0-based frame, px."""
    why: str
    """One sentence for a reviewer."""
