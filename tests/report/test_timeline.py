"""Hits through time: what is counted where, and that nothing gets lost between buckets."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneclick import report
from oneclick.catalog import Catalog, counters
from oneclick.core.clips import ChosenBy, Clip, Video
from oneclick.core.errors import OneclickError, UnknownName, UsageError
from oneclick.core.hits import Hit
from oneclick.core.spans import Span
from oneclick.core.timing import Timing
from oneclick.report.plots import timeline
from oneclick.report.timeline import CameraTimeline, Timeline, TimelineCell
from oneclick.report.windows import DAY, HOUR
from tests.catalog import samples as samples

MORNING = datetime(2026, 1, 5, 8, tzinfo=UTC)
FPS = 10.0


def video(name: str, camera: str, minutes: float | None, long: float = 60) -> Video:
    start = None if minutes is None else MORNING + timedelta(minutes=minutes)
    return Video(
        id=name,
        camera=camera,
        started_at=start,
        fps=FPS,
        frames=round(long * 60 * FPS),
        width=64,
        height=48,
        digest=name,
        suffix=".mp4",
    )


def hit(trigger: str, minutes: float) -> Hit:
    first = round(minutes * 60 * FPS)
    return Hit(
        trigger=trigger,
        span=Span(first, first + 5),
        score=0.5,
        boxes=((first, 1, 2, 3, 4),),
        why="the box is gone",
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """ward_a from 08:30 to 10:30, ward_b from 08:00 to 09:00, and one that nobody dated."""
    hits_by_video = {
        video("a-1", "ward_a", 30, 120): [hit("flicker", 0), hit("blip", 29), hit("flicker", 30)],
        video("b-1", "ward_b", 0): [],
        video("b-2", "ward_b", None, 6): [hit("blip", 1)],
    }
    with samples.fresh(tmp_path / "home") as catalog:
        for recording, hits in hits_by_video.items():
            catalog.add_video(recording)
            catalog.replace_hits(recording.id, hits, "look")
            catalog.mark(recording.id, "trigger", "look")
    return tmp_path / "home"


def cells(line: CameraTimeline) -> list[tuple[int, float, dict[str, int]]]:
    """(hour, minutes of video, hits)."""
    return [(cell.start.hour, cell.seconds / 60, cell.hits) for cell in line.cells]


def test_hits_and_video_are_counted_in_the_hour_they_happened(home: Path) -> None:
    hit_timeline = report.hit_timeline(home)
    a, b = hit_timeline.cameras
    assert cells(a) == [(8, 30, {"blip": 1, "flicker": 1}), (9, 60, {"flicker": 1}), (10, 30, {})]
    assert cells(b) == [(8, 60, {})], "an hour without hits is there, one without video is not"
    assert (hit_timeline.start, hit_timeline.stop) == (MORNING, MORNING + timedelta(hours=3))
    assert hit_timeline.triggers == ("flicker", "blip")
    assert len(hit_timeline.columns) == 3
    assert hit_timeline.top == 2


def test_a_video_without_a_start_is_listed_apart(home: Path) -> None:
    (undated,) = report.hit_timeline(home).undated
    assert (undated.video, undated.camera, undated.seconds, undated.hits) == (
        "b-2",
        "ward_b",
        360,
        {"blip": 1},
    )
    assert report.hit_timeline(home, camera="ward_a").undated == ()


def test_a_video_that_nobody_looked_at_is_not_taken_for_a_quiet_one(home: Path) -> None:
    assert report.hit_timeline(home).waiting == 0
    with Catalog.open(home) as catalog:
        catalog.add_video(video("b-3", "ward_b", 90))
        catalog.mark("b-3", "predict", "opencv-hog")
    assert report.hit_timeline(home).waiting == 1
    assert report.hit_timeline(home, camera="ward_a").waiting == 0


@pytest.mark.parametrize(
    ("since", "until", "hits", "minutes"),
    [
        (0, None, 3, 120),
        (59, None, 2, 91),
        (60, None, 1, 90),
        (None, 60, 2, 30),
        (30, 31, 1, 1),
        (150, None, 0, 0),
    ],
)
def test_a_window_is_half_open_and_reaches_into_videos(
    home: Path, since: float | None, until: float | None, hits: int, minutes: float
) -> None:
    start, stop = (None if m is None else MORNING + timedelta(minutes=m) for m in (since, until))
    hit_timeline = report.hit_timeline(home, start, stop, camera="ward_a")
    assert sum(sum(line.hits.values()) for line in hit_timeline.cameras) == hits
    assert sum(line.seconds for line in hit_timeline.cameras) == pytest.approx(60 * minutes)


def test_one_trigger_alone_leaves_the_video_as_it_is(home: Path) -> None:
    line = report.hit_timeline(home, camera="ward_a", trigger="blip").cameras[0]
    assert (line.hits, line.seconds) == ({"blip": 1}, 7200)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"camera": "ward_c"}, UnknownName, "ward_a, ward_b"),
        ({"trigger": "flikker"}, UnknownName, "flicker"),
        ({"since": MORNING, "until": MORNING}, UsageError, "empty"),
        ({"bucket_seconds": 0}, UsageError, "bucket"),
    ],
    ids=["camera", "trigger", "window", "bucket"],
)
def test_what_cannot_be_is_refused(
    home: Path, arguments: dict[str, object], error: type[OneclickError], message: str
) -> None:
    with pytest.raises(error, match=message):
        report.hit_timeline(home, **arguments)  # type: ignore[arg-type]


def test_a_new_workspace_has_an_empty_timeline(tmp_path: Path) -> None:
    samples.fresh(tmp_path / "new").close()
    hit_timeline = report.hit_timeline(tmp_path / "new")
    assert (hit_timeline.start, hit_timeline.cameras, hit_timeline.columns, hit_timeline.top) == (
        None,
        (),
        [],
        0,
    )
    assert hit_timeline.fit_columns(10) is hit_timeline


hours = st.dictionaries(
    st.integers(0, 3000), st.dictionaries(st.sampled_from("abc"), st.integers(1, 50))
)


@given(hours.filter(bool), st.integers(1, 200))
def test_longer_buckets_fit_and_lose_nothing(counts: dict[int, dict[str, int]], width: int) -> None:
    cells = tuple(
        TimelineCell(MORNING + timedelta(hours=k), 60.0, counts[k]) for k in sorted(counts)
    )
    stop = cells[-1].start + timedelta(hours=1)
    line = CameraTimeline("ward", 60.0 * len(cells), {}, cells)
    hit_timeline = Timeline(
        start=cells[0].start,
        stop=stop,
        bucket_seconds=HOUR,
        triggers=(),
        cameras=(line,),
        undated=(),
        waiting=0,
    )
    fit = hit_timeline.fit_columns(width)
    assert len(fit.columns) <= max(width, 2)
    (grouped,) = fit.cameras
    assert sum(cell.count() for cell in grouped.cells) == sum(cell.count() for cell in cells)
    assert grouped.seconds == line.seconds
    assert all(cell.start in fit.columns for cell in grouped.cells)


def test_days_begin_at_midnight_and_weeks_on_monday(home: Path) -> None:
    assert report.hit_timeline(home, bucket_seconds=DAY).start == MORNING.replace(hour=0)
    week = report.hit_timeline(home, bucket_seconds=7 * DAY).start
    assert week is not None
    assert week.weekday() == 0


def test_moments_are_newest_first_and_lead_to_the_clip_that_shows_most(home: Path) -> None:
    with Catalog.open(home) as catalog:
        for first, name in ((17_000, "a-1-early"), (18_003, "a-1-late")):
            span, reason = Span(first, first + 1003), ChosenBy.TRIGGER
            catalog.add_clip(
                Clip(
                    id=name,
                    camera="ward_a",
                    video="a-1",
                    span=span,
                    fps=FPS,
                    width=64,
                    height=48,
                    chosen_by=reason,
                ),
                "test",
            )
    moments = report.hits(home)
    assert [(m.trigger, m.clip) for m in moments] == [
        ("flicker", "a-1-early"),
        ("blip", "a-1-early"),
        ("flicker", None),
        ("blip", None),
    ]
    assert moments[0].at == MORNING + timedelta(hours=1)
    assert moments[-1].at is None
    assert report.hits(home, limit=1) == moments[:1]
    assert [m.trigger for m in report.hits(home, until=MORNING, camera="ward_b")] == ["blip"]


def test_the_picture_shows_hits_dark_and_hours_without_video_blank(home: Path) -> None:
    hit_timeline = report.hit_timeline(home)
    pixels = timeline.draw(hit_timeline).pixels
    colours = {tuple(colour) for colour in pixels.reshape(-1, 3).tolist()}
    assert timeline.NO_HITS in colours
    assert tuple(map(round, timeline.HEAT[0])) in colours
    assert len(pixels) > len(timeline.draw(hit_timeline, by_trigger=False).pixels)
    empty = Timeline(
        start=None,
        stop=None,
        bucket_seconds=HOUR,
        triggers=(),
        cameras=(),
        undated=(),
        waiting=0,
    )
    assert timeline.draw(empty).pixels.size


BROKEN_UP = Timing(frames=(0, 8999, 9000), seconds=(0.0, 899.9, 5000.0), breaks=(9000,))
times = st.one_of(st.none(), st.floats(-90, 300).map(lambda minutes: round(minutes * 60) / 60))
recordings = st.lists(
    st.tuples(
        st.sampled_from(["ward_a", "ward_b"]),
        st.floats(0, 200),
        st.sampled_from([3.0, 60.0, 100.0]),
        st.booleans(),
        st.lists(st.tuples(st.sampled_from(["flicker", "blip"]), st.floats(0, 0.99)), max_size=6),
    ),
    max_size=6,
)


@settings(max_examples=20, deadline=None)
@given(
    recordings, times, times, st.sampled_from([600, 900, 1800, 7200, DAY, 7 * DAY]), st.booleans()
)
def test_counters_tell_what_counting_hit_by_hit_tells(
    shots: list[Any], since: float | None, until: float | None, bucket: int, one: bool
) -> None:
    start, stop = (None if m is None else MORNING + timedelta(minutes=m) for m in (since, until))
    with tempfile.TemporaryDirectory() as folder:
        with samples.fresh(Path(folder)) as catalog:
            for number, (camera, minutes, length, is_broken, marks) in enumerate(shots):
                recording = video(f"{camera}-{number}", camera, minutes, length)
                if is_broken and length > 15:
                    recording = replace(recording, timing=BROKEN_UP)
                catalog.add_video(recording)
                hits = [hit(name, share * length) for name, share in marks]
                catalog.replace_hits(recording.id, sorted(hits, key=lambda h: h.order), "look")
        only = "ward_a" if one and any(shot[0] == "ward_a" for shot in shots) else None
        if start and stop and start >= stop:
            return
        told = report.hit_timeline(Path(folder), start, stop, only, None, bucket)
        with mock.patch.object(counters, "COARSE", ()):
            counted = report.hit_timeline(Path(folder), start, stop, only, None, bucket)
    assert [cells_of(line) for line in told.cameras] == [cells_of(line) for line in counted.cameras]
    assert (told.start, told.stop, told.triggers) == (
        counted.start,
        counted.stop,
        counted.triggers,
    )


def cells_of(line: CameraTimeline) -> list[tuple[object, ...]]:
    """Camera, bucket, seconds and hits, without the seconds that rounding left over."""
    return [
        (line.camera, cell.start, round(cell.seconds, 2), cell.hits)
        for cell in line.cells
        if cell.seconds > 0.01 or cell.hits
    ]
