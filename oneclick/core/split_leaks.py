"""Leaks of the split: clips of one side that show what clips of the other side show."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from operator import itemgetter

from oneclick.core import clock_lines
from oneclick.core.clips import Clip, Video
from oneclick.core.datasets import DatasetClip
from oneclick.core.splits import GUARD_SECONDS

ROUNDING = 0.01
"""Seconds that two sides may lie nearer than the guard, for times of frames are rounded."""


def close_clips(
    clips: Iterable[Clip], others: Iterable[Clip], videos: Iterable[Video]
) -> dict[str, str]:
    """Return each clip that lies within GUARD_SECONDS of another one of its camera, with that one.

    Clips whose video nobody knows, and imported ones, lie on no line of time.
    """
    by_id, reach = {video.id: video for video in videos}, GUARD_SECONDS - ROUNDING
    lines: defaultdict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for clip in others:
        if video := by_id.get(clip.video):
            lines[clock_lines.line_of(video)].append((*_frame_times(video, clip), clip.id))
    for line in lines.values():
        line.sort()
    longest = {name: max(last - first for first, last, _ in lines[name]) for name in lines}
    close: dict[str, str] = {}
    for clip in clips:
        if (video := by_id.get(clip.video)) and (name := clock_lines.line_of(video)) in longest:
            first, last = _frame_times(video, clip)
            low = bisect_left(lines[name], first - reach - longest[name], key=itemgetter(0))
            high = bisect_left(lines[name], last + reach, key=itemgetter(0))
            near = (other for _, end, other in lines[name][low:high] if first - end < reach)
            if other := next(near, None):
                close[clip.id] = other
    return close


def find_leaks(
    lines: Iterable[DatasetClip], clips: Iterable[Clip], videos: Iterable[Video]
) -> dict[str, str]:
    """Return a sentence for each training line that shows the moment of a test line, by its clip.

    These are left out of a version. The test lines stay: what was judged by them stays comparable.

    Args:
        lines: of one dataset version.
        clips: all that are known, which say when the lines were taken.
        videos: all that are known.
    """
    sides = {line.clip: line.split for line in lines}
    known_clips = [clip for clip in clips if clip.id in sides]
    train = [clip for clip in known_clips if sides[clip.id] == "train"]
    test = [clip for clip in known_clips if sides[clip.id] == "test"]
    close = close_clips(train, test, videos)
    return {
        clip: f"{clip} is left out of training: the test clip {other} shows the same moment"
        for clip, other in sorted(close.items())
    }


def _frame_times(video: Video, clip: Clip) -> tuple[float, float]:
    """Return when the first and the last frame of a clip were taken."""
    start, stop = clock_lines.time_range(video, clip.span)
    return start, stop - 1 / video.fps
