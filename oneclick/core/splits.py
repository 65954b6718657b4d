"""Train/test split of videos: by camera and day, never by frame.

While a workspace has fewer than FEW_DAYS camera-days, none is held out whole: of every video the
last part in time is held out. From FEW_DAYS on, new camera-days go to one side whole. A camera-day
that has clips already keeps its split.

A moment of a camera has one side, in whatever recording it is seen: what is held out in one video
is test in all that show it, and a guard around it belongs to neither side, so that no test frame
has a near-duplicate in training. What is held out in a video does not depend on the others: more
videos hold out more, and none gives anything back. Nor is anything selected within a guard of a
clip of the other side, whatever came later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from oneclick.core import clock_lines, ids
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.clock_lines import TimeRange, TimeSet
from oneclick.core.datasets import Split
from oneclick.core.spans import Span

FEW_DAYS = 5
"""From this many camera-days on, whole ones are held out."""
GUARD_SECONDS = 2.0
"""Least time between the sides of one camera."""

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


def camera_day(video: Video, frame: int = 0) -> str:
    """Return `<camera>/<UTC day>` of a frame; each unknown start is a day of its own."""
    taken_at = video.taken_at(frame)
    if taken_at is None:
        return f"{video.camera}/{ids.start_key(video.id, video.camera)}"
    return f"{video.camera}/{taken_at:%Y-%m-%d}"


def existing_day_splits(videos: Iterable[Video], clips: Iterable[Clip]) -> dict[str, DaySplit]:
    """Return the split of every camera-day that has clips; clips on both sides mean blocks.

    So do clips that only people chose: one of them must not leave a day without a test side. A
    clip from after midnight says nothing about the day on which its video began, if the next day
    has videos too: their side was its own.
    """
    by_id = {video.id: video for video in videos}
    days = {video.id: camera_day(video) for video in by_id.values()}
    known_days = set(days.values())
    sides: dict[str, set[str]] = {}
    for clip in clips:
        if (video := by_id.get(clip.video)) is None:
            continue
        own_day = camera_day(video, clip.span.start)
        if own_day == days[video.id] or own_day not in known_days:
            of_day = sides.setdefault(days[video.id], set())
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
    clips: Iterable[Clip],
    test_share: float,
    clip_seconds: float,
    picked_from: Video | None = None,
) -> dict[str, tuple[SplitPart, ...]]:
    """Return the parts of every video, by its id; each lies in one stretch.

    Args:
        videos: all of the workspace, in order of first appearance.
        clips: those that exist, and those selected; each keeps its side.
        test_share: share of camera-days, or of the frames of each video, that is held out, 0 … 1.
        clip_seconds: length of a clip, for which each side of a divided video has room.
        picked_from: a video that a person selects from; its day is divided unless it has clips.
    """
    clips, guard = list(clips), max(GUARD_SECONDS, clip_seconds)
    existing = existing_day_splits(videos, clips)
    if picked_from:
        existing.setdefault(camera_day(picked_from), "blocks")
    day_splits = assign_day_splits(videos, existing, test_share)
    held_out: defaultdict[str, list[TimeRange]] = defaultdict(list)
    for video in videos:
        first = first_held_out(video, day_splits[camera_day(video)], test_share, clip_seconds)
        for stretch in video.stretches():
            if first < stretch.stop:
                span = Span(max(first, stretch.start), stretch.stop)
                held_out[clock_lines.line_of(video)].append(clock_lines.time_range(video, span))
    used = {split: clip_times(videos, clips, split) for split in ("train", "test")}
    sides: dict[str, tuple[TimeSet, TimeSet]] = {}
    for line in {clock_lines.line_of(video) for video in videos}:
        near_train = TimeSet.union(used["train"][line]).widened(guard)
        near_test = TimeSet.union([*held_out[line], *used["test"][line]]).widened(guard)
        sides[line] = near_test, TimeSet.union(held_out[line]).without(near_train)
    return {video.id: parts_of(video, *sides[clock_lines.line_of(video)]) for video in videos}


def first_held_out(video: Video, split: DaySplit, test_share: float, clip_seconds: float) -> int:
    """Return the first frame that a video holds out for test; the number of its frames if none.

    Args:
        video: the video.
        split: of its camera-day; a side of a divided video that has no room for a clip, with the
            guard between the two, is not made: all of it trains.
        test_share: share of its frames that is held out, 0 … 1.
        clip_seconds: length of a clip.
    """
    if split != "blocks":
        return 0 if split == "test" else video.frames
    clip_frames = max(1, round(clip_seconds * video.fps))
    cut = video.frames - int(video.frames * test_share)
    guard_start = video.seconds_at(cut) - max(GUARD_SECONDS, clip_seconds)
    train_frames = clock_lines.first_frame(video, guard_start)
    has_room = min(train_frames, video.frames - cut) >= clip_frames
    return cut if has_room else video.frames


def clip_times(
    videos: Iterable[Video], clips: Iterable[Clip], split: str
) -> defaultdict[str, list[TimeRange]]:
    """Return when the clips on one side were taken, by the line of their videos."""
    by_id = {video.id: video for video in videos}
    times: defaultdict[str, list[TimeRange]] = defaultdict(list)
    for clip in clips:
        if clip.split == split and (video := by_id.get(clip.video)):
            times[clock_lines.line_of(video)].append(clock_lines.time_range(video, clip.span))
    return times


def parts_of(video: Video, near_test: TimeSet, test: TimeSet) -> tuple[SplitPart, ...]:
    """Divide a video into what trains, outside `near_test`, and what tests, within `test`."""
    parts: list[SplitPart] = []
    for stretch in video.stretches():
        train = near_test.outside(*clock_lines.time_range(video, stretch))
        sides: tuple[tuple[TimeSet, Split], ...] = ((train, "train"), (test, "test"))
        for times, split in sides:
            spans = clock_lines.frames_within(video, stretch, times)
            parts += [SplitPart(span, split) for span in spans]
    return tuple(sorted(parts, key=lambda part: part.span))
