"""Result of a batch of work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class BatchResult:
    """Ids of a batch by outcome; an item that fails never fails its batch."""

    done: list[str] = field(default_factory=list)
    """Ids processed now."""
    skipped: list[str] = field(default_factory=list)
    """Ids that were processed earlier."""
    failed: dict[str, str] = field(default_factory=dict)
    """One-line reason by id or path."""

    waiting: dict[str, str] = field(default_factory=dict)
    """One-line reason by path of what is left for the next pass."""
    left_out: dict[str, int] = field(default_factory=dict)
    """Files and folders that are no input, by kind."""
    notes: list[str] = field(default_factory=list)
    """Sentences about what was processed otherwise than one might expect."""

    def add(self, other: BatchResult) -> BatchResult:
        """Add the ids of another result to this one, and return it."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed |= other.failed
        self.waiting |= other.waiting
        self.left_out = dict(Counter(self.left_out) + Counter(other.left_out))
        self.notes += other.notes
        return self
