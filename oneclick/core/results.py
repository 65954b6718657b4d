"""What a stage says when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class BatchResult:
    """A bad item never fails its batch: it stands in `failed` with its reason."""

    done: list[str] = field(default_factory=list)
    """Ids worked on now."""
    skipped: list[str] = field(default_factory=list)
    """Ids found already done."""
    failed: dict[str, str] = field(default_factory=dict)
    """Id or path to the one-line reason."""

    def add(self, other: BatchResult) -> BatchResult:
        """Both results as one; changes and returns self."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed |= other.failed
        return self
