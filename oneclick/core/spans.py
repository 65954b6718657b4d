"""Half-open ranges of frames, 0-based."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Span(msgspec.Struct, frozen=True, order=True, gc=False):
    """Frames `start`, `start + 1`, … `stop - 1`; never empty, never negative.

    Raises:
        ValueError: if `start < 0` or `stop <= start`.
    """

    start: int
    stop: int

    def __post_init__(self) -> None:
        if self.start < 0 or self.stop <= self.start:
            raise ValueError(f"span [{self.start}, {self.stop}) is empty or negative")

    def __len__(self) -> int:
        return self.stop - self.start

    def __contains__(self, frame: int) -> bool:
        return self.start <= frame < self.stop

    def overlaps(self, other: Span) -> bool:
        """Check whether the two share at least one frame."""
        return self.start < other.stop and other.start < self.stop

    def padded(self, frames: int, length: int) -> Span:
        """Return the span extended by `frames` on both sides, limited to `[0, length)`."""
        return Span(max(0, self.start - frames), min(length, self.stop + frames))

    def gap(self, other: Span) -> int:
        """Return the number of frames between the two; 0 when they touch or overlap."""
        return max(0, max(self.start, other.start) - min(self.stop, other.stop))


def merge(spans: Iterable[Span], within: int = 0) -> list[Span]:
    """Join spans that overlap, touch, or lie at most `within` frames apart; sorted."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start - merged[-1].stop <= within:
            merged[-1] = Span(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    return merged
