"""Numbers of the live page: what triggers would have found, and today beside last week."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from oneclick import triggers
from oneclick.catalog import Catalog
from oneclick.core.detections import Detections
from oneclick.report.live_firing import live_firing
from oneclick.report.live_numbers import DayNumbers, live_numbers
from oneclick.storage.live_ring import RingBox, RingHeader
from oneclick.triggers.scene import Scene
from tests.catalog import samples

FPS, FRAMES = 10.0, 200
CLASSES = {"a": ("person",), "b": ("person",)}


def headers(start: float = 1000.0, frames: int = FRAMES) -> list[RingHeader]:
    """Return pictures in which A loses somebody now and then whom B sees."""
    rng = np.random.default_rng(5)
    rows = []
    for number in range(frames):
        box: RingBox = (10.0 + number, 20.0, 50.0 + number, 140.0, round(rng.random(), 3), 0)
        rows.append(
            RingHeader(
                seq=number,
                time=start + number / FPS,
                width=640,
                height=480,
                boxes={"a": [box] if number % 23 else [], "b": [(*box[:4], 0.9, 0)]},
                signals={"blur": 0.1},
            )
        )
    return rows


def scan(rows: list[RingHeader], score: float) -> dict[str, int]:
    """Count hits as a replay of stored predictions does."""

    def seen(model: str) -> Detections:
        boxes = [(k, *box) for k, row in enumerate(rows) for box in row.boxes[model]]
        columns = np.array(boxes, np.float64)
        return Detections(
            frames=columns[:, 0].astype(np.int32),
            boxes=columns[:, 1:5].astype(np.float32),
            scores=columns[:, 5].astype(np.float32),
            classes=columns[:, 6].astype(np.int16),
            length=len(rows),
            fps=(len(rows) - 1) / (rows[-1].time - rows[0].time),
        )

    scene = Scene(
        detections=seen("a"),
        threshold=score,
        width=640,
        height=480,
        rival_detections=seen("b"),
        rival_threshold=score,
        signals={"blur": np.full(len(rows), 0.1, np.float32)},
    )
    counts: dict[str, int] = {}
    for hit in triggers.make().scan(scene):
        counts[hit.trigger] = counts.get(hit.trigger, 0) + 1
    return counts


@pytest.mark.parametrize("score", [0.1, 0.5, 0.85])
def test_it_counts_what_the_same_triggers_find_in_the_same_boxes(score: float) -> None:
    rows = headers()
    result = live_firing(rows, CLASSES, score, triggers.make())
    assert dict(result.by_trigger) == scan(rows, score)
    assert result.hits == sum(scan(rows, score).values()) > 0
    counts = [hits for _, hits in result.by_trigger]
    assert counts == sorted(counts, reverse=True)
    assert (result.score, result.frames) == (score, FRAMES)
    assert result.seconds == pytest.approx(FRAMES / FPS)


def test_what_a_break_separates_is_looked_at_by_itself() -> None:
    first, second = headers(), headers(start=5000.0)
    both = live_firing(first + second, CLASSES, 0.5, triggers.make())
    alone = live_firing(first, CLASSES, 0.5, triggers.make())
    assert both.by_trigger == [(name, 2 * hits) for name, hits in alone.by_trigger]
    assert both.seconds == pytest.approx(2 * alone.seconds)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        headers(frames=1),
        [replace(header, boxes={}) for header in headers(frames=30)],
        [replace(header, time=1000.0) for header in headers(frames=30)],
        [replace(header, boxes={"a": [(9, 9, 1, 1, 0.9, 0)]}) for header in headers(frames=30)],
        [replace(header, boxes={"a": [(1, 1, 9, 9, 0.9, 7)]}) for header in headers(frames=30)],
    ],
    ids=["none", "one", "no model", "no time", "inside out", "unknown class"],
)
def test_odd_rings_do_no_harm(rows: list[RingHeader]) -> None:
    assert live_firing(rows, CLASSES, 0.5, triggers.make()).frames in (0, 30)


NOON = datetime(2026, 11, 10, 12, 7, tzinfo=UTC)


def record(catalog: Catalog, number: int, start: datetime, hits: int) -> None:
    """Add 100 s of video with hits."""
    video = replace(samples.video(number), started_at=start, fps=10.0)
    catalog.add_video(video)
    catalog.replace_hits(video.id, [samples.hit(start=5 + 20 * k) for k in range(hits)], "scan")


def test_today_stands_beside_the_same_hours_a_week_ago(tmp_path: Path) -> None:
    week = timedelta(days=7)
    with Catalog.open(tmp_path) as catalog:
        record(catalog, 0, NOON - timedelta(hours=3), 4)
        record(catalog, 1, NOON - timedelta(hours=1), 3)
        record(catalog, 2, NOON - week - timedelta(hours=2), 5)
        record(catalog, 3, NOON - week + timedelta(hours=2), 9)  # later in the day
        record(catalog, 4, NOON - timedelta(hours=13), 9)  # yesterday
        numbers = live_numbers(catalog, "ward", NOON, UTC)
        other = live_numbers(catalog, "hall", NOON, UTC)
    assert numbers.today == DayNumbers(200.0, 7)
    assert numbers.last_week == DayNumbers(100.0, 5)
    assert numbers.stop == datetime(2026, 11, 10, 12, 15, tzinfo=UTC)
    assert (other.today, other.last_week) == (None, None)


def test_video_without_hits_is_not_the_same_as_no_video(tmp_path: Path) -> None:
    with Catalog.open(tmp_path) as catalog:
        record(catalog, 0, NOON - timedelta(hours=3), 0)
        numbers = live_numbers(catalog, "ward", NOON, UTC)
    assert numbers.today == DayNumbers(100.0, 0)
    assert numbers.last_week is None
