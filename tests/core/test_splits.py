from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import clock_lines, splits
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart
from oneclick.core.timing import Timing, describe_times

DAY = datetime(2026, 3, 1, 8, tzinfo=UTC)


def video(
    name: str = "a", frames: int = 800, start: datetime | None = None, camera: str = "ward"
) -> Video:
    return Video(
        id=name,
        camera=camera,
        started_at=start,
        fps=10.0,
        frames=frames,
        width=640,
        height=480,
        digest=f"digest-{name}",
        suffix=".mp4",
    )


def days(count: int) -> list[Video]:
    return [video(f"d{k:02d}", start=DAY + timedelta(days=k)) for k in range(count)]


FIRST_FRAMES = Span(0, 30)


def clip(recording: Video, split: str, span: Span = FIRST_FRAMES) -> Clip:
    return Clip(
        id=f"{recording.id}-{span.start}",
        camera=recording.camera,
        video=recording.id,
        span=span,
        fps=10.0,
        width=640,
        height=480,
        chosen_by=ChosenBy.TRIGGER,
        split=split,
    )


def test_a_lone_video_ends_in_test_behind_a_guard() -> None:
    parts = splits.split_videos([video()], {}, 0.25, 3.0)["a"]
    assert parts == (SplitPart(Span(0, 570), "train"), SplitPart(Span(600, 800), "test"))


@pytest.mark.parametrize(
    ("frames", "share", "expected"),
    [
        (1, 0.25, (SplitPart(Span(0, 1), "train"),)),
        (71, 0.25, (SplitPart(Span(0, 71), "train"),)),
        (119, 0.25, (SplitPart(Span(0, 119), "train"),)),
        (120, 0.25, (SplitPart(Span(0, 60), "train"), SplitPart(Span(90, 120), "test"))),
        (800, 0.0, (SplitPart(Span(0, 800), "train"),)),
        (800, 1.0, (SplitPart(Span(0, 800), "train"),)),
        (0, 0.25, ()),
    ],
    ids=["one frame", "short", "test just too short", "just enough", "none", "all", "no frame"],
)
def test_a_side_that_holds_no_clip_is_not_made(
    frames: int, share: float, expected: tuple[SplitPart, ...]
) -> None:
    assert splits.split_videos([video(frames=frames)], {}, share, 3.0)["a"] == expected


@given(st.integers(0, 5000), st.floats(0, 1), st.floats(0.1, 20))
def test_the_sides_of_a_video_never_come_near_each_other(
    frames: int, share: float, seconds: float
) -> None:
    parts = splits.split_videos([video(frames=frames)], {}, share, seconds)["a"]
    if len(parts) == 2:
        train, test = parts
        assert train.span.gap(test.span) >= round(splits.GUARD_SECONDS * 10)
        assert (train.split, test.split) == ("train", "test")
    assert all(part.span.stop <= frames for part in parts)


def test_a_recording_that_goes_on_from_another_starts_behind_a_guard() -> None:
    first = video("a", start=DAY)
    second = video("b", start=DAY + timedelta(seconds=80))
    later = video("c", start=DAY + timedelta(hours=1))
    parts = splits.split_videos([first, second, later], {}, 0.25, 3.0)
    assert [parts[name][0].span.start for name in "abc"] == [0, 30, 0]


def test_from_five_camera_days_on_every_fourth_is_test_whole() -> None:
    ways = splits.assign_day_splits(days(8), {}, 0.25)
    assert [ways[splits.camera_day(v)] for v in days(8)].count("test") == 2
    assert list(ways.values()) == ["train"] * 3 + ["test"] + ["train"] * 3 + ["test"]
    assert splits.split_videos(days(8), {}, 0.25, 3.0)["d03"] == (SplitPart(Span(0, 800), "test"),)


@pytest.mark.parametrize(("share", "tests"), [(0.0, 0), (0.1, 1), (0.2, 2), (0.5, 5), (1.0, 10)])
def test_the_share_of_whole_days_is_kept(share: float, tests: int) -> None:
    assert list(splits.assign_day_splits(days(10), {}, share).values()).count("test") == tests


def test_two_videos_of_one_camera_and_day_lie_on_one_side() -> None:
    both = [video("a", start=DAY), video("b", start=DAY + timedelta(hours=3))]
    other = video("c", start=DAY, camera="hall")
    assert splits.camera_day(both[0]) == splits.camera_day(both[1]) != splits.camera_day(other)


@given(st.integers(5, 12))
def test_a_camera_day_with_clips_keeps_its_way(count: int) -> None:
    early = days(4)
    clips = [clip(early[0], "train"), clip(early[0], "test"), clip(early[1], "test")]
    ways_before = splits.existing_day_splits(early, clips)
    assert ways_before == {"ward/2026-03-01": "blocks", "ward/2026-03-02": "test"}
    ways = list(splits.assign_day_splits(days(count), ways_before, 0.25).values())
    assert ways[:4] == ["blocks", "test", "train", "test"]


def test_clips_of_a_deleted_video_settle_nothing() -> None:
    assert splits.existing_day_splits([], [clip(video(), "test")]) == {}


def sides_of(videos: Sequence[Video], parts: dict[str, tuple[SplitPart, ...]]) -> str:
    """Describe the sides of videos in seconds: `a train 0-57, test 60-80; b train 0-57`."""
    lines = []
    for each in videos:
        sides = [
            f"{part.split} {each.seconds_at(part.span.start):.0f}-"
            f"{each.seconds_at(part.span.stop):.0f}"
            for part in parts[each.id]
        ]
        lines.append(f"{each.id} {', '.join(sides)}")
    return "; ".join(lines)


OVERLAPS = {
    "a file that grew stays beside its part": (
        [(0, 600), (0, 1200)],
        "a train 0-447, test 450-600; b train 0-447, test 450-600, train 603-897, test 900-1200",
    ),
    "an event beside the continuous recording": (
        [(0, 3600), (3000, 120)],
        "a train 0-2697, test 2700-3600; b test 0-120",
    ),
    "an event holds out what the continuous recording shows too": (
        [(0, 3600), (1000, 120)],
        "a train 0-1087, test 1090-1120, train 1123-2697, test 2700-3600; "
        "b train 0-87, test 90-120",
    ),
    "15 seconds are recorded twice": (
        [(0, 600), (585, 600)],
        "a train 0-447, test 450-600; b test 0-15, train 18-447, test 450-600",
    ),
    "a part begins where the held-out end of another one was": (
        [(0, 600), (601, 600)],
        "a train 0-447, test 450-600; b train 2-447, test 450-600",
    ),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_a_moment_of_a_camera_has_one_side_in_all_its_recordings(case: str) -> None:
    recordings, expected = OVERLAPS[case]
    videos = [
        video(name, frames=seconds * 10, start=DAY + timedelta(seconds=begin))
        for name, (begin, seconds) in zip("ab", recordings, strict=True)
    ]
    other_camera = video("z", start=DAY, camera="hall")
    parts = splits.split_videos([*videos, other_camera], [], 0.25, 3.0)
    assert parts.pop("z") == (SplitPart(Span(0, 570), "train"), SplitPart(Span(600, 800), "test"))
    assert sides_of(videos, parts) == expected


def test_a_recording_over_midnight_does_not_train_on_a_day_held_out() -> None:
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    videos = [
        replace(video(f"d{k}", frames=86400 + 1800, start=midnight + timedelta(days=k)), fps=1.0)
        for k in range(7)
    ]
    parts = splits.split_videos(videos, [], 0.25, 3.0)
    assert parts["d3"] == (SplitPart(Span(0, 88200), "test"),)
    assert parts["d2"] == (
        SplitPart(Span(0, 86397), "train"),
        SplitPart(Span(86400, 88200), "test"),
    )
    assert parts["d4"][:2] == (
        SplitPart(Span(0, 1800), "test"),
        SplitPart(Span(1803, 88200), "train"),
    )
    after_midnight = [clip(videos[2], "test", Span(86500, 86600)), clip(videos[3], "test")]
    existing = splits.existing_day_splits(videos, after_midnight)
    assert existing == {splits.camera_day(videos[3]): "test"}


def test_a_file_of_unknown_start_that_grew_has_the_sides_of_its_part() -> None:
    first, grown = video("ward-aaa", frames=6000), video("ward-aaa_bbb", frames=12000)
    stranger = video("ward-ccc", frames=12000)
    for others in ([], days(3)):
        parts = splits.split_videos([first, grown, stranger, *others], [], 0.25, 3.0)
        for left, right in itertools.product(parts[first.id], parts[grown.id]):
            assert left.split == right.split or left.span.gap(right.span) >= 30
    assert len(splits.split_videos([first, grown, stranger], [], 0.25, 3.0)[stranger.id]) == 2


def test_edges_and_guard_follow_the_true_times_of_frames() -> None:
    rest, motion = np.arange(1200) * 0.5, 600 + np.arange(1200) / 30
    times = np.concatenate([rest, motion])
    fps = (len(times) - 1) / times[-1]
    recording = replace(video(frames=len(times)), fps=fps, timing=describe_times(times, [], fps))
    train, test = splits.split_videos([recording], [], 0.25, 3.0)["a"]
    assert (train.split, test) == ("train", SplitPart(Span(1800, 2400), "test"))
    gap = times[test.span.start] - times[train.span.stop - 1]
    assert 3.0 <= gap < 3.1


def test_what_was_used_keeps_its_side_when_another_recording_holds_it_out() -> None:
    long = video("b", frames=12000, start=DAY)
    clips = [clip(long, "train", Span(5000, 5030)), clip(long, "test", Span(9000, 9030))]
    part = video("a", frames=6000, start=DAY)
    parts = splits.split_videos([part, long], clips, 0.25, 3.0)
    assert sides_of([part], parts) == "a train 0-447, test 450-497, test 506-600"
    test_clips = [clip(part, "test", Span(5000, 5030))]
    parts = splits.split_videos([part, long], test_clips, 0.0, 3.0)
    assert sides_of([part], parts) == "a test 0-600", "the day is held out whole"
    day = replace(test_clips[0], chosen_by=ChosenBy.VIEWER)
    parts = splits.split_videos([part, long], [day], 0.0, 3.0)
    assert sides_of([long], parts) == "b train 0-497, train 506-1200"


@st.composite
def recordings(draw: st.DrawFn) -> list[Video]:
    """Recordings of two cameras within eight days, which overlap and adjoin; some have breaks."""
    starts = st.integers(0, 40).map(lambda k: k * 17.3)
    videos = []
    for k in range(draw(st.integers(1, 7))):
        day = draw(st.sampled_from([0, 0, 0, 1, 2, 4, 7]))
        fps = draw(st.sampled_from([2.0, 7.5, 10.0, 29.97]))
        frames = draw(st.integers(1, round(400 * fps)))
        timing = Timing()
        if frames > 20 and draw(st.booleans()):
            at, gap = draw(st.integers(1, frames - 1)), draw(st.floats(1, 200))
            timing = Timing(
                frames=(0, at - 1, at) if at > 1 else (0, 1),
                seconds=(0.0, (at - 1) / fps, (at - 1) / fps + gap) if at > 1 else (0.0, gap),
                breaks=(at,),
            )
        start = None
        if draw(st.integers(0, 4)):
            start = DAY + timedelta(days=day, seconds=draw(starts))
        name = f"ward-{draw(st.sampled_from('pq'))}_{k}" if start is None else f"v{k}"
        recording = video(name, frames, start, draw(st.sampled_from(["ward", "ward", "hall"])))
        videos.append(replace(recording, fps=fps, timing=timing))
    return videos


def least_distance(videos: Sequence[Video], pieces: Sequence[tuple[str, Span, str]]) -> float:
    """Return the least time between frames of the two sides; pieces: video, span, side."""
    by_id = {each.id: each for each in videos}
    distance = float("inf")
    for (a, span_a, side_a), (b, span_b, side_b) in itertools.combinations(pieces, 2):
        if side_a != side_b and clock_lines.line_of(by_id[a]) == clock_lines.line_of(by_id[b]):
            start_a, stop_a = clock_lines.time_range(by_id[a], span_a)
            start_b, stop_b = clock_lines.time_range(by_id[b], span_b)
            last_a, last_b = stop_a - 1 / by_id[a].fps, stop_b - 1 / by_id[b].fps
            distance = min(distance, max(start_a - last_b, start_b - last_a))
    return distance


@given(recordings(), st.integers(0, 1 << 30), st.sampled_from([0.1, 0.25, 0.5]))
def test_no_moment_of_a_camera_comes_near_the_other_side_in_any_order_of_arrival(
    videos: list[Video], seed: int, share: float
) -> None:
    chance = random.Random(seed)
    chance.shuffle(videos)
    clips: list[Clip] = []
    for count in range(1, len(videos) + 1):
        known_videos = splits.sort_by_start(videos[:count])
        clip_seconds = chance.choice([1.0, 3.0, 5.0])
        parts = splits.split_videos(known_videos, clips, share, clip_seconds)
        assert parts == splits.split_videos(known_videos, clips[::-1], share, clip_seconds)
        pieces = [(name, part.span, part.split) for name in parts for part in parts[name]]
        assert least_distance(known_videos, pieces) >= splits.GUARD_SECONDS - 0.001
        clips += [
            chance_clip(each, parts[each.id], chance) for each in known_videos if parts[each.id]
        ]
        clip_pieces = [(each.video, each.span, each.split) for each in clips]
        assert least_distance(known_videos, clip_pieces) >= splits.GUARD_SECONDS - 0.001


def chance_clip(recording: Video, parts: Sequence[SplitPart], chance: random.Random) -> Clip:
    """Return a clip somewhere in one of the parts."""
    part = chance.choice(parts)
    start = chance.randrange(part.span.start, part.span.stop)
    return clip(recording, part.split, Span(start, min(start + 30, part.span.stop)))
