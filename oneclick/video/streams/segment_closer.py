"""Names of segments, and how a closed one gets its own: once it is on the disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from oneclick.storage import files

PART = ".part"
SUFFIX = ".mkv"
MILLISECONDS = 1000


def segment_name(start: float) -> str:
    """Return the name of a segment that starts at unix seconds, as `layouts` reads it."""
    at = datetime.fromtimestamp(round(start, 3), UTC)
    return f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z{SUFFIX}"


def free_name(folder: Path, start: float) -> Path:
    """Return the path of a segment, later by milliseconds where that name is there already."""
    while (path := folder / segment_name(start)).exists():
        start += 1 / MILLISECONDS
    return path


@dataclass(frozen=True, kw_only=True)
class _ClosedSegment:
    """A file that is written to its end, and has not got its name yet."""

    part: Path
    count: int
    """Of its pictures."""
    start: float
    """Unix seconds."""

    def finish(self) -> None:
        """Give the file its name once it is on the disk; remove it without a picture.

        Raises:
            OSError: the disk refuses; it can be tried again.
        """
        if not self.part.exists() and self.part.parent.is_dir():
            return  # it is finished, or somebody has removed it
        if not self.count:
            self.part.unlink()
            return
        files.flush(self.part)
        self.part.replace(free_name(self.part.parent, self.start))
        files.flush(self.part.parent)


class SegmentCloser:
    """Finishes closed segments in a thread of its own: waiting for a disk keeps no packet waiting.

    What the disk refuses waits, and is tried again.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "segment-closer")
        self._waiting: list[_ClosedSegment] = []
        self.problem = ""
        """Why closed segments have no name; empty while all have."""

    def add(self, part: Path, count: int, start: float) -> None:
        """Finish a segment of so many pictures that started at unix seconds."""
        self._thread.submit(self._finish, _ClosedSegment(part=part, count=count, start=start))

    def try_again(self) -> None:
        """Try again what the disk has refused."""
        if self._waiting:
            self._thread.submit(self._finish)

    def close(self) -> None:
        """Wait until all is finished that can be: the rest is at the next start."""
        self._thread.shutdown(wait=True)
        self._finish()

    def _finish(self, *closed: _ClosedSegment) -> None:
        refused: list[_ClosedSegment] = []
        problem = ""
        for segment in (*self._waiting, *closed):
            try:
                segment.finish()
            except OSError as error:
                refused.append(segment)
                cause = "it is full" if files.is_disk_full(error) else error.strerror or str(error)
                problem = f"closed segments wait for the disk, {len(refused)} so far: {cause}"
        self._waiting = refused
        self.problem = problem
