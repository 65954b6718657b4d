"""How old the segments of a camera are: a clock that jumps ahead makes none of them older.

Segments of this process are as old as the time that has really passed since. Those that were there
before have the times of their names; the newest of them counts as at most a day old at the start.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from oneclick.core import layouts
from oneclick.storage import retention


class SegmentAges:
    """Ages of the closed segments of one folder, to which one process adds.

    Args:
        paths: of the segments that are there.
        at: what the clock shows, in unix seconds.
        clock: counts the seconds that really pass.
    """

    def __init__(
        self, paths: list[Path], at: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._began = clock, clock()
        self._starts = {path.name: _start_of(path) for path in paths}
        newest = max((start for start in self._starts.values() if start < math.inf), default=at)
        unchecked = retention.MOST_UNCHECKED.total_seconds()
        self._present = newest + min(max(at - newest, 0.0), unchecked)
        self._first_seen: dict[str, float] = {}

    def older_than(self, seconds: float, paths: list[Path]) -> list[Path]:
        """Return the segments among those that are there now which are older than `seconds`."""
        now = self._clock()
        seen = {path.name: self._first_seen.get(path.name, now) for path in paths}
        self._first_seen = seen
        passed = self._present + now - self._began
        ages = {
            name: passed - self._starts[name] if name in self._starts else now - at
            for name, at in seen.items()
        }
        return [path for path in paths if ages[path.name] > seconds]


def _start_of(path: Path) -> float:
    """Return the unix seconds in the name of a segment; infinity where it has none: it stays."""
    start = layouts.moment_in(path.name).started_at
    return start.timestamp() if start else math.inf
