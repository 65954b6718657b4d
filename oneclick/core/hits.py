"""What a trigger found."""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    def cut(self, span: Span) -> Hit:
        """The part of it inside `span`, frames counted from the start of `span`.

        Raises:
            ValueError: if it lies outside.
        """
        if not self.span.overlaps(span):
            raise ValueError(f"span: {self.span} lies outside of {span}")
        first, stop = max(self.span.start, span.start), min(self.span.stop, span.stop)
        boxes = tuple((box[0] - span.start, *box[1:]) for box in self.boxes if box[0] in span)
        return replace(self, span=Span(first - span.start, stop - span.start), boxes=boxes)
