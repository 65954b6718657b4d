"""The line of time that a camera records on: where videos lie on it, and what of them a part holds.

Recordings of one camera may overlap: a file that has grown, an event beside the continuous
recording, a few seconds that a recorder writes twice. On this line they show the same moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

from oneclick.core import ids
from oneclick.core.clips import Video
from oneclick.core.spans import Span

TimeRange = tuple[float, float]
"""Half-open range of seconds: since 1970, or since a start that nobody knows."""
TOLERANCE = 1e-4
"""Seconds by which the time of a frame may be rounded."""


@dataclass(frozen=True, slots=True)
class TimeSet:
    """Ranges of seconds on one line."""

    ranges: tuple[TimeRange, ...] = ()
    """Ascending, and apart from each other."""

    @classmethod
    def union(cls, ranges: Iterable[TimeRange]) -> TimeSet:
        """Return all moments of some ranges, which may overlap."""
        joined: list[TimeRange] = []
        for start, stop in sorted(ranges):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
            else:
                joined.append((start, stop))
        return cls(tuple(joined))

    def widened(self, seconds: float) -> TimeSet:
        """Return all moments less than `seconds` away from one of these."""
        return TimeSet.union((start - seconds, stop + seconds) for start, stop in self.ranges)

    def within(self, start: float, stop: float) -> TimeSet:
        """Return the moments of these in `[start, stop)`."""
        first = bisect_left(self.ranges, start, key=lambda each: each[1])
        ranges: list[TimeRange] = []
        for low, high in self.ranges[first:]:
            if low >= stop:
                break
            if min(high, stop) > max(low, start):
                ranges.append((max(low, start), min(high, stop)))
        return TimeSet(tuple(ranges))

    def outside(self, start: float, stop: float) -> TimeSet:
        """Return the moments of `[start, stop)` that are none of these."""
        ranges: list[TimeRange] = []
        for low, high in self.within(start, stop).ranges:
            ranges.append((start, low))
            start = high
        ranges.append((start, stop))
        return TimeSet(tuple(each for each in ranges if each[0] < each[1]))

    def without(self, other: TimeSet) -> TimeSet:
        """Return the moments of these that are none of another set."""
        return TimeSet(tuple(each for own in self.ranges for each in other.outside(*own).ranges))


def line_of(video: Video) -> str:
    """Return the name of the line that a video lies on: its camera's.

    Of videos of unknown start only those lie on one line of which one is the beginning of another.
    """
    if video.started_at is not None:
        return video.camera
    return f"{video.camera}/{ids.start_key(video.id, video.camera)}"


def time_range(video: Video, span: Span) -> TimeRange:
    """Return when the frames of a span were taken, to the end of the last one."""
    origin = video.started_at.timestamp() if video.started_at else 0.0
    start, last = video.seconds_at(span.start), video.seconds_at(span.stop - 1)
    return origin + start, origin + last + 1 / video.fps


def first_frame(video: Video, seconds: float) -> int:
    """Return the first frame taken at `seconds` after the first one or later; at most `frames`."""
    least = seconds - TOLERANCE
    frame = min(max(floor(video.frame_at(least)), 0), video.frames)
    while frame < video.frames and video.seconds_at(frame) < least:
        frame += 1
    return frame


def frames_within(video: Video, stretch: Span, times: TimeSet) -> list[Span]:
    """Return the frames of a stretch of a video that were taken within a set of times."""
    start, stop = time_range(video, stretch)
    origin = start - video.seconds_at(stretch.start)
    spans: list[Span] = []
    for low, high in times.within(start, stop).ranges:
        first = max(first_frame(video, low - origin), stretch.start)
        end = stretch.stop if high >= stop else first_frame(video, high - origin)
        if first < min(end, stretch.stop):
            spans.append(Span(first, min(end, stretch.stop)))
    return spans
