"""Train/test split of videos: by camera and day, never by frame.

While a workspace has fewer than FEW_DAYS camera-days, none is held out whole: every video is cut in
time, its last part is test, and a guard interval before it belongs to neither side, so that no test
frame has a near-duplicate in training. From FEW_DAYS on, new camera-days go to one side whole. A
camera-day that has clips already keeps its split.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Literal

from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.datasets import Split
from oneclick.core.spans import Span

FEW_DAYS = 5
"""From this many camera-days on, whole ones are held out."""
GUARD_SECONDS = 2.0
"""Least time between the sides of one camera-day."""

DaySplit = Literal["blocks", "train", "test"]
"""Split of a camera-day: blocks of time in every video, or all of it on one side."""


@dataclass(frozen=True, slots=True)
class SplitPart:
    """A stretch of one video that lies on one side of the split."""

    span: Span
    split: Split


def sort_by_start(videos: Sequence[Video]) -> list[Video]:
    """Sort videos by start, those without one last: an order that a rebuilt catalog keeps."""

    def key(video: Video) -> tuple[bool, float, str]:
        start = video.started_at
        return (start is None, start.timestamp() if start else 0, video.id)

    return sorted(videos, key=key)


def camera_day(video: Video) -> str:
    """Return `<camera>/<UTC day>`; a video with an unknown start is a day of its own."""
    day = video.digest if video.started_at is None else f"{video.started_at:%Y-%m-%d}"
    return f"{video.camera}/{day}"


def existing_day_splits(videos: Iterable[Video], clips: Iterable[Clip]) -> dict[str, DaySplit]:
    """Return the split of every camera-day that has clips; clips on both sides mean blocks.

    So do clips that only people chose: one of them must not leave a day without a test side.
    """
    days = {video.id: camera_day(video) for video in videos}
    sides: dict[str, set[str]] = {}
    for clip in clips:
        if clip.video in days:
            of_day = sides.setdefault(days[clip.video], set())
            if clip.chosen_by is not ChosenBy.VIEWER:
                of_day.add(clip.split)
    return {
        day: "train" if splits == {"train"} else "test" if splits == {"test"} else "blocks"
        for day, splits in sides.items()
    }


def assign_day_splits(
    videos: Sequence[Video], existing: Mapping[str, DaySplit], test_share: float
) -> dict[str, DaySplit]:
    """Assign a split to every camera-day.

    From FEW_DAYS on, day number k (from 0) is test where `floor((k + 1) * share)` passes a whole
    number: with a share of 0.25 these are days 3, 7, 11 …

    Args:
        videos: all of the workspace, in order of first appearance.
        existing: splits that are settled already, by camera-day.
        test_share: share of new camera-days that is held out, 0 … 1.
    """
    days = list(dict.fromkeys(camera_day(video) for video in videos))
    day_splits: dict[str, DaySplit] = {}
    for number, day in enumerate(days):
        is_test = int((number + 1) * test_share + 1e-9) > int(number * test_share + 1e-9)
        split: DaySplit = "blocks" if len(days) < FEW_DAYS else "test" if is_test else "train"
        day_splits[day] = existing.get(day, split)
    return day_splits


def split_videos(
    videos: Sequence[Video],
    existing: Mapping[str, DaySplit],
    test_share: float,
    clip_seconds: float,
) -> dict[str, tuple[SplitPart, ...]]:
    """Return the parts of every video, by its id.

    Args:
        videos: all of the workspace, in order of first appearance.
        existing: splits that are settled already, by camera-day.
        test_share: share of camera-days, or of the time of each video, that is held out, 0 … 1.
        clip_seconds: length of a clip; a part is at least that long.
    """
    day_splits = assign_day_splits(videos, existing, test_share)
    follower_ids = following_videos(videos, max(GUARD_SECONDS, clip_seconds))
    parts = {}
    for video in videos:
        split = day_splits[camera_day(video)]
        if split == "blocks":
            parts[video.id] = split_in_time(
                video, test_share, clip_seconds, guard_start=video.id in follower_ids
            )
        else:
            parts[video.id] = (SplitPart(Span(0, video.frames), split),) if video.frames else ()
    return parts


def split_in_time(
    video: Video, test_share: float, clip_seconds: float, *, guard_start: bool
) -> tuple[SplitPart, ...]:
    """Split one video into train, guard interval and test; all train if a side has no room.

    Args:
        video: the video.
        test_share: share of its frames that is held out, 0 … 1.
        clip_seconds: least length of each side.
        guard_start: whether the video continues another one and begins with a guard interval.
    """
    clip_frames = max(1, round(clip_seconds * video.fps))
    guard = round(max(GUARD_SECONDS, clip_seconds) * video.fps)
    first = guard if guard_start else 0
    cut = video.frames - int(video.frames * test_share)
    if cut - guard - first >= clip_frames and video.frames - cut >= clip_frames:
        train = SplitPart(Span(first, cut - guard), "train")
        return train, SplitPart(Span(cut, video.frames), "test")
    return (SplitPart(Span(first, video.frames), "train"),) if video.frames > first else ()


def following_videos(videos: Sequence[Video], seconds: float) -> set[str]:
    """Return ids of videos that start less than `seconds` after another of their camera ended."""
    starts = sorted(
        (video.camera, video.started_at, video.id, video)
        for video in videos
        if video.started_at is not None
    )
    follower_ids = set()
    for (camera, start, _, earlier), (next_camera, next_start, video_id, _) in pairwise(starts):
        end = start + timedelta(seconds=earlier.seconds_at(earlier.frames) + seconds)
        if camera == next_camera and next_start < end:
            follower_ids.add(video_id)
    return follower_ids


def parts_within(parts: Iterable[SplitPart], stretches: Sequence[Span]) -> tuple[SplitPart, ...]:
    """Divide the parts of a video where one stretch of it ends and the next begins."""
    return tuple(
        SplitPart(Span(max(part.span.start, own.start), min(part.span.stop, own.stop)), part.split)
        for part in parts
        for own in stretches
        if part.span.overlaps(own)
    )
