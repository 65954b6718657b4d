from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneclick.core import splits
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.spans import Span
from oneclick.core.splits import SplitPart

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


def clip(recording: Video, split: str) -> Clip:
    span = Span(0, 30)
    return Clip(
        id=f"{recording.id}-0",
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
