"""Time windows over the recordings, and the buckets that they are divided into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor, inf

from oneclick import triggers
from oneclick.catalog import Catalog, counters
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

    def bounds(
        self, start: datetime | None = None, stop: datetime | None = None
    ) -> tuple[int, int]:
        """Return the start of the first bucket and the end of the last, in seconds since 1970.

        Args:
            start: of the recordings, which bounds a window without `since`.
            stop: of the recordings, which bounds a window without `until`.
        """
        first, end = self.since or start, self.until or stop
        assert first is not None
        assert end is not None
        last = self.bucket(end.timestamp())
        is_full = last == end.timestamp()
        return self.bucket(first.timestamp()), last if is_full else last + self.size

    def frames_of(self, video: Video) -> tuple[int, int]:
        """Return a range of frames that holds all of a dated Video that lie in the window."""
        assert video.started_at is not None
        start = video.started_at.timestamp()
        first = 0 if self.since is None else floor(video.frame_at(self.low - start)) - 1
        stop = video.frames if self.until is None else ceil(video.frame_at(self.high - start)) + 1
        return max(first, 0), max(min(stop, video.frames), 0)

    def counted_part(self, start: float, stop: float) -> CountedPart | None:
        """Return the part for which the catalog has counters that fit the buckets; None for none.

        Args:
            start: of the recordings, in seconds since 1970.
            stop: of the recordings.
        """
        sizes = tuple(size for size in counters.COARSE if self.size % size == 0)
        if not sizes:
            return None
        size = min(sizes)
        low, high = max(self.low, start // size * size), min(self.high, (stop // size + 1) * size)
        part = CountedPart(int(-(-low // size) * size), int(high // size * size), sizes)
        return part if part.start < part.stop else None

    def without(self, part: CountedPart) -> list[TimeWindow]:
        """Return what the window has before and after a part."""
        start, stop = utc_time(part.start), utc_time(part.stop)
        ends = []
        if self.since and self.since < start:
            ends.append(TimeWindow(self.since, start, self.size))
        if self.until and stop < self.until:
            ends.append(TimeWindow(stop, self.until, self.size))
        return ends


@dataclass(frozen=True)
class CountedPart:
    """A part of a window that is read from counters, in seconds since 1970."""

    start: int
    stop: int
    sizes: tuple[int, ...]
    """Sizes of the counters' buckets that fit those of the window, ascending."""

    @property
    def runs(self) -> list[tuple[int, int, int]]:
        """Return few runs of large buckets, as (bucket size, start, stop)."""
        runs = counters.split_range(self.start, self.stop, self.sizes)
        return [(size, start, int(stop)) for size, start, stop in runs]


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
    check_names(catalog, camera, trigger)
    dated = catalog.videos_between(window.since, window.until, camera)
    return dated + catalog.undated_videos(camera)


def check_names(catalog: Catalog, camera: str | None, trigger: str | None) -> None:
    """Raise UnknownName where no video is of this camera, or there is no such trigger."""
    if camera is not None and camera not in (cameras := catalog.cameras()):
        raise UnknownName("camera", camera, cameras)
    names = triggers.names()
    # Hits may come from a trigger whose package is no longer installed.
    if trigger is not None and trigger not in names and trigger not in catalog.hit_counts():
        raise UnknownName("trigger", trigger, names)
