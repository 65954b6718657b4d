"""Windows of time over the recordings, and the buckets they are counted in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

from oneclick import triggers
from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.core.errors import UnknownName, UsageError

HOUR = 3600
DAY = 24 * HOUR
SIZES = (
    *(60 * m for m in (1, 2, 5, 10, 15, 20, 30)),
    *(HOUR * h for h in (1, 2, 3, 4, 6, 8, 12)),
    *(DAY * d for d in (1, 2, 7, 14, 28, 56, 112, 364)),
)
"""Seconds of buckets that people read easily."""
MONDAY = 4 * DAY
"""Buckets count from Monday 1970-01-05: a day begins at midnight UTC, a week on Monday."""


@dataclass(frozen=True)
class Window:
    """`[since, until)`, open where None, in buckets of `size` seconds.

    Raises:
        UsageError: the window or a bucket is empty.
    """

    since: datetime | None = None
    until: datetime | None = None
    size: int = HOUR

    def __post_init__(self) -> None:
        if self.size < 1:
            raise UsageError(f"a bucket lasts 1 second or more, got {self.size}")
        if self.since and self.until and self.since >= self.until:
            raise UsageError(f"the window is empty: {self.since} is not before {self.until}")

    @property
    def low(self) -> float:
        """Seconds since 1970."""
        return self.since.timestamp() if self.since else -inf

    @property
    def high(self) -> float:
        """Seconds since 1970."""
        return self.until.timestamp() if self.until else inf

    def bucket(self, moment: float) -> int:
        """Start of the bucket of a moment, both in seconds since 1970."""
        return int((moment - MONDAY) // self.size) * self.size + MONDAY

    def parts(self, video: Video) -> Iterator[tuple[int, float]]:
        """Buckets that a dated Video touches inside the window, with its seconds in each."""
        start, stop = max(stamp(video, 0), self.low), min(stamp(video, video.frames), self.high)
        while start < stop:
            bucket = self.bucket(start)
            end = min(stop, bucket + self.size)
            yield bucket, end - start
            start = end

    def range(self, videos: Sequence[Video]) -> tuple[int, int]:
        """First bucket, and end of the last: of the window; where it is open, of dated Videos."""
        start = self.low if self.since else min(stamp(v, 0) for v in videos)
        stop = self.high if self.until else max(stamp(v, v.frames) for v in videos)
        last = self.bucket(stop)
        return self.bucket(start), last if last == stop else last + self.size


def at(video: Video, frame: int) -> datetime | None:
    """When a frame was recorded, UTC; None where nobody knows."""
    return video.started_at and video.started_at + timedelta(seconds=frame / video.fps)


def stamp(video: Video, frame: int) -> float:
    """When a frame of a dated Video was recorded, in seconds since 1970."""
    assert video.started_at is not None
    return video.started_at.timestamp() + frame / video.fps


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a time, UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def videos(
    catalog: Catalog, window: Window, camera: str | None, trigger: str | None
) -> list[Video]:
    """Videos of the camera that reach into the window, and those whose start nobody knows.

    Raises:
        UnknownName: no video is of this camera, or there is no such trigger.
    """
    found = catalog.videos()
    cameras = sorted({video.camera for video in found})
    if camera is not None and camera not in cameras:
        raise UnknownName("camera", camera, cameras)
    known = list(triggers.registry())
    # A trigger of a package that is gone may have left hits.
    if trigger is not None and trigger not in known and trigger not in catalog.hit_counts():
        raise UnknownName("trigger", trigger, known)
    return [v for v in found if camera in (None, v.camera) and _reaches(v, window)]


def _reaches(video: Video, window: Window) -> bool:
    if video.started_at is None:
        return True
    return stamp(video, 0) < window.high and stamp(video, video.frames) > window.low
