"""Hits of every camera over time, beside how much video was recorded."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from oneclick.catalog import Catalog, counters
from oneclick.report import windows
from oneclick.report.windows import HOUR, CountedPart, TimeWindow

MIN_HOTTEST = 8
"""Hits of a cell that is shown at full heat, at least."""


@dataclass(frozen=True)
class TimelineCell:
    """One time bucket of one camera, with video."""

    start: datetime
    """UTC."""
    seconds: float
    """Video recorded in it."""
    hits: dict[str, int]
    """By trigger; empty where none fired."""

    def count(self, trigger: str | None = None) -> int:
        """Return the number of hits of one trigger, or of all."""
        return sum(self.hits.values()) if trigger is None else self.hits.get(trigger, 0)


@dataclass(frozen=True)
class CameraTimeline:
    """Video and hits of one camera by bucket of time."""

    camera: str
    seconds: float
    """All its video in the window."""
    hits: dict[str, int]
    """By trigger."""
    cells: tuple[TimelineCell, ...]
    """In order of time, without the buckets that have no video."""


@dataclass(frozen=True)
class UndatedVideo:
    """A Video of unknown start: its hits have no time."""

    video: str
    camera: str
    seconds: float
    hits: dict[str, int]
    """By trigger."""


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Hits of all cameras in one time window."""

    start: datetime | None
    """Start of the first bucket, UTC; None where no dated Video overlaps the window."""
    stop: datetime | None
    """End of the last bucket."""
    bucket_seconds: int
    triggers: tuple[str, ...]
    """Triggers that fired, most hits first."""
    cameras: tuple[CameraTimeline, ...]
    """By name."""
    undated: tuple[UndatedVideo, ...]
    waiting: int
    """Videos that have not been searched for hits yet."""

    @property
    def columns(self) -> list[datetime]:
        """Return the start of every bucket, with video or without."""
        if self.start is None or self.stop is None:
            return []
        step = timedelta(seconds=self.bucket_seconds)
        return [self.start + k * step for k in range((self.stop - self.start) // step)]

    @property
    def top(self) -> int:
        """Return the largest number of hits in one cell."""
        return max((cell.count() for line in self.cameras for cell in line.cells), default=0)

    def heat(self, hits: int) -> float:
        """Return the heat of a cell with so many hits: logarithmic, 0 for one hit, 1 for `top`."""
        return min(1.0, math.log(max(hits, 1)) / math.log(max(self.top, MIN_HOTTEST)))

    def fit_columns(self, columns: int) -> Timeline:
        """Return the same in at most `columns` buckets: longer ones if needed, of round lengths."""
        size, columns = self.bucket_seconds, max(columns, 1)
        if len(self.columns) <= columns:
            return self
        for longer in (s for s in windows.SIZES if s > size and s % size == 0):
            grouped = self.grouped(longer)
            if len(grouped.columns) <= columns:
                return grouped
        # Where the first bucket begins may cost one bucket more.
        return self.grouped(size * math.ceil(len(self.columns) / max(columns - 1, 1)))

    def grouped(self, bucket_seconds: int) -> Timeline:
        """Return the same in longer buckets."""
        window = TimeWindow(self.start, self.stop, bucket_seconds)
        grid = _TimelineGrid(window)
        for line in self.cameras:
            for cell in line.cells:
                bucket = window.bucket(cell.start.timestamp())
                grid.add_seconds(line.camera, bucket, cell.seconds)
                grid.hits[line.camera, bucket].update(cell.hits)
        return grid.fill(replace(self, bucket_seconds=bucket_seconds), *window.bounds())


def hit_timeline(
    home: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    camera: str | None = None,
    trigger: str | None = None,
    bucket_seconds: int = HOUR,
) -> Timeline:
    """Count hits per camera, bucket and trigger in `[since, until)`, by the start of their spans.

    Buckets of quarters of an hour and longer are sums of the catalog's counters; only what a window
    cuts off a bucket, and shorter buckets, are counted hit by hit.

    Raises:
        UnknownName: no video is of this camera, or there is no such trigger.
        UsageError: the window or a bucket is empty.
    """
    window = TimeWindow(since, until, bucket_seconds)
    with Catalog.open(home) as catalog, catalog.reading():
        windows.check_names(catalog, camera, trigger)
        timeline = Timeline(
            start=None,
            stop=None,
            bucket_seconds=bucket_seconds,
            triggers=(),
            cameras=(),
            undated=undated_videos(catalog, camera, trigger),
            waiting=catalog.count_unscanned(since, until, camera),
        )
        number, start, stop = catalog.extent_between(since, until, camera)
        if not number or start is None or stop is None:
            return timeline
        grid = _TimelineGrid(window)
        counted = window.counted_part(start.timestamp(), stop.timestamp())
        if counted is None:
            grid.add_exact(catalog, window, camera, trigger)
        else:
            grid.add_counters(catalog, counted, camera, trigger)
            for part in window.without(counted):
                grid.add_exact(catalog, part, camera, trigger)
    return grid.fill(timeline, *window.bounds(start, stop))


def undated_videos(
    catalog: Catalog, camera: str | None = None, trigger: str | None = None
) -> tuple[UndatedVideo, ...]:
    """Return the Videos of unknown start with their numbers of hits."""
    videos, numbers = [], catalog.hits_of_undated(camera)
    for video in catalog.undated_videos(camera):
        hits = numbers.get(video.id, {})
        shown = {name: number for name, number in hits.items() if trigger in (None, name)}
        videos.append(UndatedVideo(video.id, video.camera, video.frames / video.fps, shown))
    return tuple(videos)


@dataclass
class _TimelineGrid:
    """Seconds of video and hits by camera and start of the bucket, in seconds since 1970."""

    window: TimeWindow
    seconds: dict[str, dict[int, float]] = field(default_factory=dict)
    hits: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add_seconds(self, camera: str, bucket: int, seconds: float) -> None:
        """Add video to a bucket."""
        buckets = self.seconds.setdefault(camera, {})
        buckets[bucket] = buckets.get(bucket, 0.0) + seconds

    def add_exact(
        self, catalog: Catalog, part: TimeWindow, camera: str | None, trigger: str | None
    ) -> None:
        """Add the Videos and Hits of a part of the window, one by one."""
        for video in catalog.videos_between(part.since, part.until, camera):
            for bucket, seconds in part.bucket_overlaps(video):
                self.add_seconds(video.camera, bucket, seconds)
            for hit in catalog.hits_within(video.id, *part.frames_of(video), trigger):
                timestamp = windows.recorded_timestamp(video, hit.start)
                if part.low <= timestamp < part.high:
                    self.hits[video.camera, part.bucket(timestamp)][hit.trigger] += 1

    def add_counters(
        self, catalog: Catalog, part: CountedPart, camera: str | None, trigger: str | None
    ) -> None:
        """Add the counters of a part of the window."""
        for size, low, high in part.runs:
            recorded = catalog.coverage(counters.RECORDED, low, high, size, camera)
            for name, cells in recorded.items():
                for start, seconds in cells.items():
                    self.add_seconds(name, self.window.bucket(start), seconds)
            for (name, kind), lane in catalog.hit_lanes(low, high, size, camera).items():
                if trigger in (None, kind):
                    for place, number in zip(lane[::2], lane[1::2], strict=True):
                        bucket = self.window.bucket(low + place * size)
                        self.hits[name, bucket][kind] += number

    def fill(self, timeline: Timeline, start: int, stop: int) -> Timeline:
        """Return the Timeline with these cells, from `start` to `stop` in seconds since 1970."""
        lines = []
        for camera in sorted(self.seconds):
            cells = tuple(
                TimelineCell(
                    windows.utc_time(bucket),
                    seconds,
                    sum_hits([self.hits.get((camera, bucket), {})]),
                )
                for bucket, seconds in sorted(self.seconds[camera].items())
            )
            total_seconds = sum(cell.seconds for cell in cells)
            hits = sum_hits(cell.hits for cell in cells)
            lines.append(CameraTimeline(camera, total_seconds, hits, cells))
        total = sum_hits(line.hits for line in lines)
        return replace(
            timeline,
            start=windows.utc_time(start),
            stop=windows.utc_time(stop),
            triggers=tuple(sorted(total, key=lambda name: (-total[name], name))),
            cameras=tuple(lines),
        )


def sum_hits(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up counts of hits by trigger; return them in order of names."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))
