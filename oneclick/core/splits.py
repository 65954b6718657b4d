"""Which side of the split a time belongs to: by camera and day, never by frame.

While a workspace knows fewer than FEW_DAYS camera-days, none can be spared whole: every video is
cut in time, its last part is test, and a guard before it belongs to neither side, so that no test
frame has a near-twin in training. From FEW_DAYS on, new camera-days go to one side whole. A
camera-day that has clips already stays with what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Literal

from oneclick.core.clips import Clip, Video
from oneclick.core.datasets import Split
from oneclick.core.spans import Span

FEW_DAYS = 5
"""From this many camera-days on, whole ones are held out."""
GUARD_SECONDS = 2.0
"""Least time between the sides of one camera-day."""

Way = Literal["blocks", "train", "test"]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one video that lies on one side."""

    span: Span
    split: Split


def camera_day(video: Video) -> str:
    """`<camera>/<UTC day>`; a video whose start nobody knows is a day of its own."""
    day = video.digest if video.started_at is None else f"{video.started_at:%Y-%m-%d}"
    return f"{video.camera}/{day}"


def settled(videos: Iterable[Video], clips: Iterable[Clip]) -> dict[str, Way]:
    """The way of every camera-day that has clips; clips of both sides mean blocks of time."""
    days = {video.id: camera_day(video) for video in videos}
    sides: dict[str, set[str]] = {}
    for clip in clips:
        if clip.video in days:
            sides.setdefault(days[clip.video], set()).add(clip.split)
    return {day: _way(seen) for day, seen in sides.items()}


def _way(sides: set[str]) -> Way:
    if len(sides) > 1:
        return "blocks"
    return "test" if "test" in sides else "train"


def ways(videos: Sequence[Video], known: Mapping[str, Way], test_share: float) -> dict[str, Way]:
    """The way of every camera-day of `videos`, which stand in order of first appearance.

    From FEW_DAYS on, day number k (from 0) is test where `floor((k + 1) * share)` passes a whole
    number: with a share of 0.25 these are days 3, 7, 11 …
    """
    days = list(dict.fromkeys(camera_day(video) for video in videos))
    made: dict[str, Way] = {}
    for number, day in enumerate(days):
        due = int((number + 1) * test_share + 1e-9) > int(number * test_share + 1e-9)
        fresh: Way = "blocks" if len(days) < FEW_DAYS else "test" if due else "train"
        made[day] = known.get(day, fresh)
    return made


def parts(
    videos: Sequence[Video], known: Mapping[str, Way], test_share: float, clip_seconds: float
) -> dict[str, tuple[Part, ...]]:
    """The parts of every video by id; `videos` are all of the workspace, in order of appearance."""
    way = ways(videos, known, test_share)
    late = _followers(videos, max(GUARD_SECONDS, clip_seconds))
    made = {}
    for video in videos:
        where = way[camera_day(video)]
        if where == "blocks":
            made[video.id] = _blocks(video, test_share, clip_seconds, video.id in late)
        else:
            made[video.id] = (Part(Span(0, video.frames), where),) if video.frames else ()
    return made


def _blocks(
    video: Video, test_share: float, clip_seconds: float, guard_start: bool
) -> tuple[Part, ...]:
    """Train, guard, test; all train where a side would not hold one clip."""
    clip = max(1, round(clip_seconds * video.fps))
    guard = round(max(GUARD_SECONDS, clip_seconds) * video.fps)
    first = guard if guard_start else 0
    cut = video.frames - int(video.frames * test_share)
    if cut - guard - first >= clip and video.frames - cut >= clip:
        return Part(Span(first, cut - guard), "train"), Part(Span(cut, video.frames), "test")
    return (Part(Span(first, video.frames), "train"),) if video.frames > first else ()


def _followers(videos: Sequence[Video], seconds: float) -> set[str]:
    """Videos that go on where another of their camera stopped, less than `seconds` before."""
    starts = sorted(
        (video.camera, video.started_at, video.id, video)
        for video in videos
        if video.started_at is not None
    )
    late = set()
    for (camera, start, _, before), (follower, at, name, _) in pairwise(starts):
        end = start + timedelta(seconds=before.frames / before.fps + seconds)
        if camera == follower and at < end:
            late.add(name)
    return late
