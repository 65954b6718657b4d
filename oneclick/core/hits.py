"""Findings of triggers."""

from __future__ import annotations

import msgspec

from oneclick.core.spans import Span

HitBox = tuple[int, float, float, float, float]


class Hit(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One finding of one trigger in one Prediction.

    A busy day has a million of them: a Struct is created several times faster than a dataclass.
    """

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

    @property
    def order(self) -> tuple[int, int, str, tuple[HitBox, ...]]:
        """Return the sort key of Hits: by time, then trigger and place."""
        return self.span.start, self.span.stop, self.trigger, self.boxes

    def shifted(self, frames: int) -> Hit:
        """Return the same hit `frames` later."""
        if not frames:
            return self
        boxes = tuple([(frame + frames, a, b, c, d) for frame, a, b, c, d in self.boxes])
        span = Span(self.span.start + frames, self.span.stop + frames)
        return Hit(trigger=self.trigger, span=span, score=self.score, boxes=boxes, why=self.why)

    def within(self, span: Span) -> Hit | None:
        """Return the part inside `span`; None if no frame is inside, or none of its boxes."""
        if span.start <= self.span.start and self.span.stop <= span.stop:
            return self
        if not self.span.overlaps(span):
            return None
        boxes = tuple(box for box in self.boxes if box[0] in span)
        if self.boxes and not boxes:
            return None
        first, stop = max(self.span.start, span.start), min(self.span.stop, span.stop)
        return msgspec.structs.replace(self, span=Span(first, stop), boxes=boxes)

    def cut(self, span: Span) -> Hit | None:
        """Return the part inside `span` as `within` does, with frames counted from its start."""
        part = self.within(span)
        return part and part.shifted(-span.start)
