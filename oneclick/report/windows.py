"""Time windows over the recordings, and the buckets that they are divided into."""

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
"""Bucket lengths that are easy to read, in seconds."""
MONDAY = 4 * DAY
"""Buckets count from Monday 1970-01-05: a day begins at midnight UTC, a week on Monday."""


@dataclass(frozen=True)
class TimeWindow:
    """Half-open window `[since, until)`, unbounded where None, in buckets of `size` seconds.

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
        """Return `since` in seconds since 1970, -inf if unbounded."""
        return self.since.timestamp() if self.since else -inf

    @property
    def high(self) -> float:
        """Return `until` in seconds since 1970, inf if unbounded."""
        return self.until.timestamp() if self.until else inf

    def bucket(self, timestamp: float) -> int:
        """Return the start of the bucket of a time, both in seconds since 1970."""
        return int((timestamp - MONDAY) // self.size) * self.size + MONDAY

    def bucket_overlaps(self, video: Video) -> Iterator[tuple[int, float]]:
        """Yield (bucket start, seconds) for each bucket that a dated Video meets in the window."""
        for stretch in video.stretches():
            start = max(recorded_timestamp(video, stretch.start), self.low)
            end_of_last = recorded_timestamp(video, stretch.stop - 1) + 1 / video.fps
            stop = min(end_of_last, self.high)
            while start < stop:
                bucket = self.bucket(start)
                end = min(stop, bucket + self.size)
                yield bucket, end - start
                start = end

    def bucket_range(self, videos: Sequence[Video]) -> tuple[int, int]:
        """Return the start of the first bucket and the end of the last, in seconds since 1970.

        Where the window is unbounded, the dated Videos bound it.
        """
        start = self.low if self.since else min(recorded_timestamp(v, 0) for v in videos)
        stop = self.high if self.until else max(recorded_timestamp(v, v.frames) for v in videos)
        last = self.bucket(stop)
        return self.bucket(start), last if last == stop else last + self.size


def recorded_at(video: Video, frame: int) -> datetime | None:
    """Return the recording time of a frame, UTC; None for a Video of unknown start."""
    return video.started_at and video.started_at + timedelta(seconds=video.seconds_at(frame))


def recorded_timestamp(video: Video, frame: int) -> float:
    """Return the recording time of a frame of a dated Video, in seconds since 1970."""
    assert video.started_at is not None
    return video.started_at.timestamp() + video.seconds_at(frame)


def utc_time(timestamp: float) -> datetime:
    """Convert seconds since 1970 to a time, UTC."""
    return datetime.fromtimestamp(timestamp, UTC)


def videos_in_window(
    catalog: Catalog, window: TimeWindow, camera: str | None, trigger: str | None
) -> list[Video]:
    """Return the Videos of a camera that overlap the window, and those of unknown start.

    Raises:
        UnknownName: no video is of this camera, or there is no such trigger.
    """
    videos = catalog.videos()
    cameras = sorted({video.camera for video in videos})
    if camera is not None and camera not in cameras:
        raise UnknownName("camera", camera, cameras)
    names = triggers.names()
    # Hits may come from a trigger whose package is no longer installed.
    if trigger is not None and trigger not in names and trigger not in catalog.hit_counts():
        raise UnknownName("trigger", trigger, names)
    return [
        video
        for video in videos
        if camera in (None, video.camera)
        and (
            video.started_at is None
            or (
                recorded_timestamp(video, 0) < window.high
                and recorded_timestamp(video, video.frames) > window.low
            )
        )
    ]
