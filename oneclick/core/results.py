"""Result of a batch of work."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

NAMED = 5
"""Items of one kind of failure that are named."""


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


def by_kind(failed: Mapping[str, str]) -> dict[str, str]:
    """Return one line for each kind of failure, under the name of the first item.

    Two reasons are of one kind if they differ in names, paths and numbers only.
    """
    kinds: dict[str, list[str]] = {}
    for name, reason in failed.items():
        text = reason.replace(name, "#") if name else reason
        text = re.sub(r"\S*[/.#\d]\S*", "#", text)
        kinds.setdefault(text, []).append(name)
    lines = {}
    for names in kinds.values():
        first, *others = names
        lines[first] = failed[first]
        if others:
            dots = ", …" if len(others) > NAMED else ""
            lines[first] += f" ({len(others):,} more like it: {', '.join(others[:NAMED])}{dots})"
    return lines
