"""When triggers fired: the hits of every camera, hour by hour, beside how much video there was."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from oneclick.catalog import Catalog
from oneclick.core.clips import Video
from oneclick.report import windows
from oneclick.report.windows import HOUR, Window
from oneclick.storage import cards

Start = tuple[str, str, int]
"""Video, trigger and first frame of a Hit."""
COOL = 8
"""The hottest cell is shown as hot as can be only if it has this many hits."""


@dataclass(frozen=True)
class Cell:
    """One bucket of time of one camera in which there was video."""

    start: datetime
    """UTC."""
    seconds: float
    """Video recorded in it."""
    hits: dict[str, int]
    """By trigger; empty where none fired."""

    def count(self, trigger: str | None = None) -> int:
        """Hits of one trigger, or of all."""
        return sum(self.hits.values()) if trigger is None else self.hits.get(trigger, 0)


@dataclass(frozen=True)
class CameraLine:
    """One camera through time."""

    camera: str
    seconds: float
    """All its video in the window."""
    hits: dict[str, int]
    """By trigger."""
    cells: tuple[Cell, ...]
    """In order of time; a bucket without video is left out."""


@dataclass(frozen=True)
class Undated:
    """A Video whose start nobody knows: its hits have no hour."""

    video: str
    camera: str
    seconds: float
    hits: dict[str, int]
    """By trigger."""


@dataclass(frozen=True)
class Timeline:
    """Hits of all cameras over one window of time."""

    start: datetime | None
    """Start of the first bucket, UTC; None where no Video with a date reaches into the window."""
    stop: datetime | None
    """End of the last bucket."""
    bucket_seconds: int
    triggers: tuple[str, ...]
    """Those that fired, most hits first."""
    cameras: tuple[CameraLine, ...]
    """By name."""
    undated: tuple[Undated, ...]
    waiting: int
    """Videos that no trigger has looked at yet: they show no hits for no reason."""

    @property
    def columns(self) -> list[datetime]:
        """Start of every bucket, with video or without."""
        if self.start is None or self.stop is None:
            return []
        step = timedelta(seconds=self.bucket_seconds)
        return [self.start + k * step for k in range((self.stop - self.start) // step)]

    @property
    def top(self) -> int:
        """Most hits in one cell."""
        return max((cell.count() for line in self.cameras for cell in line.cells), default=0)

    def heat(self, hits: int) -> float:
        """How hot so many hits are shown: 0 for one hit to 1 for `top`, by the logarithm."""
        return min(1.0, math.log(max(hits, 1)) / math.log(max(self.top, COOL)))

    def fitting(self, columns: int) -> Timeline:
        """The same in at most `columns` buckets: longer ones if need be, of sizes easy to read."""
        size, columns = self.bucket_seconds, max(columns, 1)
        if len(self.columns) <= columns:
            return self
        for longer in (s for s in windows.SIZES if s > size and s % size == 0):
            grouped = _grouped(self, longer)
            if len(grouped.columns) <= columns:
                return grouped
        # One bucket more than fits may come from where the first one begins.
        return _grouped(self, size * math.ceil(len(self.columns) / max(columns - 1, 1)))


def timeline(
    home: Path,
    since: datetime | None = None,
    until: datetime | None = None,
    camera: str | None = None,
    trigger: str | None = None,
    bucket_seconds: int = HOUR,
) -> Timeline:
    """Hits per camera, bucket and trigger in `[since, until)`; a hit happens when its span begins.

    Raises:
        UnknownName: no video is of this camera, or there is no such trigger.
        UsageError: the window or a bucket is empty.
    """
    window = Window(since, until, bucket_seconds)
    with Catalog.open(home) as catalog:
        videos = windows.videos(catalog, window, camera, trigger)
        # A video that began before the window may reach into it.
        first = min((v.started_at for v in videos if v.started_at), default=since)
        starts = catalog.hit_starts(camera, trigger, first, until)
        waiting = len({video.id for video in videos} & set(catalog.unmarked(cards.LOOKED)))
    grid, dated = _Grid(), [video for video in videos if video.started_at]
    grid.count(dated, starts, window)
    undated = tuple(_undated([v for v in videos if not v.started_at], starts))
    empty = Timeline(None, None, bucket_seconds, (), (), undated, waiting)
    return grid.filled(empty, *window.range(dated)) if dated else empty


@dataclass
class _Grid:
    """Seconds of video and hits by camera and start of the bucket."""

    seconds: dict[str, dict[int, float]] = field(default_factory=dict)
    hits: dict[tuple[str, int], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, videos: Iterable[Video], starts: Iterable[Start], window: Window) -> None:
        """Put dated Videos and their Hits where they belong."""
        known = {video.id: video for video in videos}
        for video in known.values():
            for bucket, seconds in window.parts(video):
                self._add(video.camera, bucket, seconds)
        low, high = window.low, window.high
        for name, trigger, frame in starts:
            if name in known:
                moment = windows.stamp(known[name], frame)
                if low <= moment < high:
                    self.hits[known[name].camera, window.bucket(moment)][trigger] += 1

    def add(self, camera: str, bucket: int, cell: Cell) -> None:
        """Put a cell into a longer bucket."""
        self._add(camera, bucket, cell.seconds)
        self.hits[camera, bucket].update(cell.hits)

    def filled(self, frame: Timeline, start: int, stop: int) -> Timeline:
        """The Timeline with these cells, from `start` to `stop`."""
        lines = tuple(self._line(camera) for camera in sorted(self.seconds))
        total = _sum(line.hits for line in lines)
        return replace(
            frame,
            start=windows.moment(start),
            stop=windows.moment(stop),
            triggers=tuple(sorted(total, key=lambda name: (-total[name], name))),
            cameras=lines,
        )

    def _add(self, camera: str, bucket: int, seconds: float) -> None:
        line = self.seconds.setdefault(camera, {})
        line[bucket] = line.get(bucket, 0.0) + seconds

    def _line(self, camera: str) -> CameraLine:
        cells = tuple(
            Cell(windows.moment(bucket), seconds, _sum([self.hits.get((camera, bucket), {})]))
            for bucket, seconds in sorted(self.seconds[camera].items())
        )
        seconds = sum(cell.seconds for cell in cells)
        return CameraLine(camera, seconds, _sum(cell.hits for cell in cells), cells)


def _grouped(whole: Timeline, size: int) -> Timeline:
    window, grid = Window(whole.start, whole.stop, size), _Grid()
    for line in whole.cameras:
        for cell in line.cells:
            grid.add(line.camera, window.bucket(cell.start.timestamp()), cell)
    return grid.filled(replace(whole, bucket_seconds=size), *window.range([]))


def _undated(videos: Iterable[Video], starts: Iterable[Start]) -> list[Undated]:
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    for name, trigger, _ in starts:
        hits[name][trigger] += 1
    return [Undated(v.id, v.camera, v.frames / v.fps, _sum([hits[v.id]])) for v in videos]


def _sum(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Hits by trigger, in order of names."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))
