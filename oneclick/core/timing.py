"""True times of a video's frames: straight pieces, and the breaks between its stretches."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oneclick.core.spans import Span

MOST_POINTS = 256
"""Points that describe a video at most; beyond that the tolerance grows."""
FINEST_SECONDS = 0.0005
"""Smallest deviation that a description allows."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When the frames of a video were taken, in seconds from its first frame.

    Between two points the frames are evenly spaced.
    """

    frames: tuple[int, ...] = (0,)
    """Frames of the points, ascending; the first is 0."""
    seconds: tuple[float, ...] = (0.0,)
    """Times of the points, ascending."""
    breaks: tuple[int, ...] = ()
    """First frames of all stretches but the first, ascending: before each of them time jumps."""

    def seconds_at(self, frame: float, fps: float) -> float:
        """Return the time of a frame; beyond the last point at `fps` frames per second."""
        last = self.frames[-1]
        if frame >= last:
            return self.seconds[-1] + (frame - last) / fps
        return float(np.interp(frame, self.frames, self.seconds))

    def frame_at(self, seconds: float, fps: float) -> float:
        """Return the frame of a time, as a fraction: what `seconds_at` turns into the time."""
        last = self.seconds[-1]
        if seconds >= last:
            return self.frames[-1] + (seconds - last) * fps
        return float(np.interp(seconds, self.seconds, self.frames))

    def stretches(self, length: int) -> list[Span]:
        """Return the spans of frames without a break, for a video of `length` frames."""
        edges = [0, *self.breaks, length]
        return [Span(start, stop) for start, stop in itertools.pairwise(edges)]

    def stretch_at(self, frame: int, length: int) -> Span:
        """Return the stretch that holds a frame."""
        at = int(np.searchsorted(self.breaks, frame, side="right"))
        edges = (0, *self.breaks, length)
        return Span(edges[at], edges[at + 1])

    def rate_of(self, span: Span, fps: float) -> float:
        """Return the mean frames per second within a span of one stretch; `fps` where it is near.

        A deviation below 1% counts as the rounding of stamps.
        """
        if len(span) < 2:
            return fps
        first, last = self.seconds_at(span.start, fps), self.seconds_at(span.stop - 1, fps)
        if last <= first:
            return fps
        rate = (len(span) - 1) / (last - first)
        return fps if abs(rate - fps) < 0.01 * fps else rate


CONSTANT = Timing()
"""Frames evenly spaced from the first to the last."""


def describe_times(seconds: ArrayLike, breaks: ArrayLike, fps: float) -> Timing:
    """Return the fewest points that give each frame's time within a tolerance.

    The tolerance is half a millisecond; where more than `MOST_POINTS` would be needed it doubles
    until they suffice, or until only the ends of stretches are left.

    Args:
        seconds: (N,) times of the frames, ascending.
        breaks: first frames of the stretches after the first.
        fps: frames per second; a video that keeps to it needs one point only.
    """
    times = np.asarray(seconds, np.float64)
    times = times - times[0]
    starts = tuple(int(frame) for frame in np.asarray(breaks, np.int64))
    even = np.arange(len(times)) / fps
    if not starts and np.abs(times - even).max() <= max(FINEST_SECONDS, 1e-4 * times[-1]):
        return CONSTANT
    tolerance = FINEST_SECONDS
    edges = [0, *starts, len(times)]
    while True:
        points: list[int] = []
        for start, stop in itertools.pairwise(edges):
            points += _bends(times, start, stop - 1, tolerance)
        if len(points) <= max(MOST_POINTS, 2 * len(edges)) or tolerance > times[-1]:
            break
        tolerance *= 2
    return Timing(
        frames=tuple(points),
        seconds=tuple(round(float(times[point]), 6) for point in points),
        breaks=starts,
    )


def _bends(times: NDArray[np.float64], first: int, last: int, tolerance: float) -> list[int]:
    """Return the frames between which straight lines stay within `tolerance` of the times."""
    kept = {first, last}
    waiting = [(first, last)]
    while waiting:
        low, high = waiting.pop()
        if high - low < 2:
            continue
        line = np.interp(np.arange(low, high + 1), [low, high], [times[low], times[high]])
        distance = np.abs(times[low : high + 1] - line)
        worst = int(distance.argmax())
        if distance[worst] > tolerance:
            kept.add(low + worst)
            waiting += [(low, low + worst), (low + worst, high)]
    return sorted(kept)
