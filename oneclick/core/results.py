"""Result of a batch of work."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BatchResult:
    """Ids of a batch by outcome; an item that fails never fails its batch."""

    done: list[str] = field(default_factory=list)
    """Ids processed now."""
    skipped: list[str] = field(default_factory=list)
    """Ids that were processed earlier."""
    failed: dict[str, str] = field(default_factory=dict)
    """One-line reason by id or path."""

    def add(self, other: BatchResult) -> BatchResult:
        """Add the ids of another result to this one, and return it."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed |= other.failed
        return self
